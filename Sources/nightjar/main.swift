import Console

await NightjarCommand.main()
