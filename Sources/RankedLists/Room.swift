// Room: RankedLists.
