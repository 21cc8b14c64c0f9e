using WirePS.Pairing;
using WirePS.Relay;

namespace WirePS.Module.Ceremony;

/// <summary>
/// Takes one pairing further for as long as somebody looks on, as the daemon would: for a pairing in the foreground of a
/// home without a daemon. It may end at any moment; whoever comes next goes on from the pairing's file.
/// </summary>
internal sealed class PairDriver(WireEngine engine, string key) : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LastPass = TimeSpan.FromSeconds(3);
    private readonly CancellationTokenSource _ending = new();
    private CancellationTokenSource _wake = new();
    private Task _drive = Task.CompletedTask;

    /// <summary>Begins.</summary>
    internal void Start() => _drive = Task.Run(DriveAsync);

    /// <summary>Tells it that the pairing's file was changed by somebody else.</summary>
    internal void Wake() => Volatile.Read(ref _wake).Cancel();

    /// <summary>Tells the relay what is still to be told, for a moment at most.</summary>
    internal async Task FinishAsync(CancellationToken cancellationToken)
    {
        await _ending.CancelAsync();
        await _drive;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(LastPass);
        try
        {
            await engine.Runner.RunAsync(key, new PairPassOptions(IsFirst: false, TimeSpan.Zero), limit.Token);
        }
        catch (Exception error) when (error is WireException || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The pairing has ended as far as this side goes; the rest waits for a daemon or a tick.
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _drive;
        _ending.Dispose();
        _wake.Dispose();
    }

    private async Task DriveAsync()
    {
        var pause = FirstPause;
        var isFirst = true;
        while (!_ending.IsCancellationRequested)
        {
            if (_wake.IsCancellationRequested)
            {
                _wake = new CancellationTokenSource();
            }

            try
            {
                var pass = await engine.Runner.RunAsync(key, new PairPassOptions(isFirst, HttpRelay.LongestWait, null, _wake.Token), _ending.Token).ConfigureAwait(false);
                isFirst = false;
                if (pass.Pair is null)
                {
                    return;
                }

                pause = pass.Trouble is null ? FirstPause : Longer(pause);
                await RestAsync(pass.Trouble is null ? pass.ResumeAt - engine.Time.GetUtcNow() ?? LastPause : Longest(pause, pass.Trouble.RetryAfter)).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Woken, or ending: the loop looks which.
            }
            catch (WireException)
            {
                // A full disk or a torn file: whoever looks on is told of it by the file itself. It is tried again.
                pause = Longer(pause);
                await Task.Delay(pause, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task RestAsync(TimeSpan time)
    {
        if (time <= TimeSpan.Zero)
        {
            return;
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(_wake.Token, _ending.Token);
        await Task.Delay(time < LastPause ? time : LastPause, either.Token).ConfigureAwait(false);
    }

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < LastPause ? pause * 2 : LastPause;

    private static TimeSpan Longest(TimeSpan pause, TimeSpan? atLeast) => atLeast > pause ? atLeast.Value : pause;
}
