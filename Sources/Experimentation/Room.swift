// Room: Experimentation.
