// Room: NightjarClient.
