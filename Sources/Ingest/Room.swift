// Room: Ingest.
