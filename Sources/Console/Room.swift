// Room: Console.
