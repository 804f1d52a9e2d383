// Room: Learning.
