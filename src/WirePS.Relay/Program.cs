namespace WirePS.Relay; internal static class Program { private static void Main() { } }
