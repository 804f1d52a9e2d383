// Room: Messages.
