using WirePS.Simulation.World;
using Xunit;

namespace WirePS.Simulation;

/// <summary>
/// The pool of waits under schedules of its own: everybody gets its own news, soon where the relay is well, and nobody else's;
/// a trouble of one is nobody else's; few requests are under way, and none when nobody waits.
/// </summary>
public sealed class PoolTests
{
    private const int Schedules = 2000;

    [Fact]
    public void Everybody_who_waits_in_the_pool_gets_its_own_news()
    {
        (long Seed, string What)? broken = null;

        // A thread without a synchronization context: what a schedule goes on with, goes on at once.
        var worker = new Thread(() =>
        {
            for (var seed = 0L; seed < Schedules && broken is null; seed++)
            {
                try
                {
                    new PoolWorld(seed).Run();
                }
                catch (Exception error)
                {
                    broken = (seed, error.ToString());
                }
            }
        });
        worker.Start();
        worker.Join();
        Assert.True(broken is null, $"Seed {broken?.Seed}: {broken?.What}");
    }
}
