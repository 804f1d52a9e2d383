// Room: Commerce.
