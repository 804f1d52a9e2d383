// Room: Operations.
