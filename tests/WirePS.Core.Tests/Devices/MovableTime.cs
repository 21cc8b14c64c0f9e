namespace WirePS.Tests.Devices;

/// <summary>A clock that can be set, forwards and backwards.</summary>
internal sealed class MovableTime(DateTimeOffset start) : TimeProvider
{
    private DateTimeOffset _now = start;

    public override DateTimeOffset GetUtcNow() => _now;

    public void Set(DateTimeOffset now) => _now = now;

    public void Move(TimeSpan by) => _now += by;
}
