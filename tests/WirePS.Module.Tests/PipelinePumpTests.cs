using WirePS.Module.Pipeline;

namespace WirePS.Module.Tests;

public sealed class PipelinePumpTests
{
    [Fact]
    public void What_follows_an_await_runs_on_the_waiting_thread_in_order()
    {
        var thread = Environment.CurrentManagedThreadId;
        var seen = new List<int>();
        PipelinePump.Run(async () =>
        {
            for (var i = 0; i < 100; i++)
            {
                await Task.Run(static () => Thread.Yield());
                Assert.Equal(thread, Environment.CurrentManagedThreadId);
                seen.Add(i);
            }
        });
        Assert.Equal(Enumerable.Range(0, 100), seen);
    }

    [Fact]
    public void An_exception_comes_out_as_it_was()
    {
        var thrown = new WireException(WireReason.SasMismatch);
        Assert.Same(thrown, Assert.Throws<WireException>(() => PipelinePump.Run(async () =>
        {
            await Task.Yield();
            throw thrown;
        })));
        Assert.Same(thrown, Assert.Throws<WireException>(() => PipelinePump.Run(() => throw thrown)));
    }

    [Fact]
    public async Task A_cancellation_ends_the_wait_at_once()
    {
        using var cancellation = new CancellationTokenSource();
        var run = Task.Run(() => PipelinePump.Run(() => Task.Delay(Timeout.Infinite, cancellation.Token)));
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void A_pump_may_run_inside_another()
    {
        var thread = Environment.CurrentManagedThreadId;
        PipelinePump.Run(async () =>
        {
            await Task.Yield();
            PipelinePump.Run(async () => await Task.Delay(1));
            await Task.Yield();
            Assert.Equal(thread, Environment.CurrentManagedThreadId);
        });
    }

    [Fact]
    public void Several_go_on_at_the_same_time_but_never_at_once()
    {
        var inside = 0;
        PipelinePump.Run(() => Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            await Task.Delay(1);
            Assert.Equal(1, ++inside);
            inside--;
        })));
    }

    [Fact]
    public void The_context_of_before_is_back_afterwards()
    {
        var before = SynchronizationContext.Current;
        PipelinePump.Run(async () => await Task.Yield());
        Assert.Same(before, SynchronizationContext.Current);
    }
}
