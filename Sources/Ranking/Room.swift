// Room: Ranking.
