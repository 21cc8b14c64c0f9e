namespace WirePS.Simulation.World;

/// <summary>What requests, replies and processes have to expect.</summary>
/// <param name="Drop">How likely a request is lost, and how likely its reply.</param>
/// <param name="Duplicate">How likely a request arrives a second time.</param>
/// <param name="LongestDelay">Of a request, and of a reply.</param>
/// <param name="Crash">How likely a process will die.</param>
internal sealed record Weather(double Drop, double Duplicate, TimeSpan LongestDelay, double Crash)
{
    public static readonly Weather Fine = new(0, 0, TimeSpan.FromMilliseconds(20), 0);

    public TimeSpan Delay(Dice dice) => dice.Spread(LongestDelay);

    public static Weather Draw(Dice dice) => new(
        dice.Of(0, 0, 0.02, 0.1, 0.3),
        dice.Of(0, 0, 0.1, 0.4),
        dice.Of(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(10)),
        dice.Of(0, 0.1, 0.3, 0.6));
}
