import Console

/// `nightjar`: wiring.
@main
enum Nightjar {
  static func main() async { await NightjarCommand.main() }
}
