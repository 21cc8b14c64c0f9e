namespace WirePS.Daemon;

/// <summary>Growing pauses with a random part, so that many do not come back at once.</summary>
internal sealed class BackOff(TimeProvider time)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    private TimeSpan _next = First;

    public void Reset() => _next = First;

    public TimeSpan Next(TimeSpan? atLeast)
    {
        var pause = _next * (0.75 + (Random.Shared.NextDouble() / 2));
        _next = _next * 2 < Longest ? _next * 2 : Longest;
        return atLeast > pause ? atLeast.Value : pause;
    }

    public Task WaitAsync(TimeSpan? atLeast, CancellationToken cancellationToken) =>
        Task.Delay(Next(atLeast), time, cancellationToken);
}
