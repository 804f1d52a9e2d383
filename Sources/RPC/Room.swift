// Room: RPC.
