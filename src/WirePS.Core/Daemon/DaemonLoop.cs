using System.Collections.Concurrent;
using WirePS.Pairing;
using WirePS.Relay;
using WirePS.Storage;

namespace WirePS.Daemon;

/// <summary>
/// The daemon of a home: does what a tick does, as soon as there is something to do. It wakes on a new or changed file,
/// on news from a relay, and on deadlines; every pairing goes on by itself, and none delays another.
/// </summary>
public sealed class DaemonLoop
{
    private static readonly TimeSpan NextLook = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan NextTokenLook = TimeSpan.FromMinutes(1);

    // File times are coarse, and on a network folder another machine's.
    private static readonly TimeSpan ClockSlack = TimeSpan.FromSeconds(10);

    private readonly WireEngine _engine;
    private readonly DaemonLog _log;
    private readonly ConcurrentDictionary<string, PairWorker> _workers = new(StringComparer.Ordinal);

    /// <summary>The daemon of an engine's home.</summary>
    public DaemonLoop(WireEngine engine)
    {
        _engine = engine;
        _log = new DaemonLog(engine.Home, engine.Files, engine.Time);
    }

    /// <summary>
    /// Runs until it is cancelled or asked to stop; <see cref="WireReason.DaemonRunning"/> where this home has a daemon.
    /// </summary>
    /// <param name="cancellationToken">Ends it; nothing is lost.</param>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _engine.RequireOwnHome();
        using var place = await _engine.DaemonFiles.ClaimAsync(cancellationToken).ConfigureAwait(false) ?? throw new WireException(WireReason.DaemonRunning, null, _engine.Home.Root);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _engine.DaemonFiles.ClearStop();
        _engine.Files.EnsurePrivateFolder(_engine.Home.PendingPairFolder);
        _engine.Files.EnsurePrivateFolder(_engine.Home.OutboxFolder);
        _engine.RemoveLeftovers();
        foreach (var path in _engine.RepairPermissions())
        {
            _log.Write($"other users could open {path}; it is closed to them now");
        }

        using var pairs = new FolderWatch(_engine.Home.PendingPairFolder, NextLook);
        using var state = new FolderWatch(_engine.Home.StateFolder, TimeSpan.FromSeconds(1), Path.GetFileName(_engine.Home.RevocationsFile));
        using var moves = new FolderWatch(_engine.Home.StateFolder, NextLook, Path.GetFileName(_engine.Home.RotationsFile));
        using var asked = new FolderWatch(_engine.Home.StateFolder, TimeSpan.FromSeconds(1), Path.GetFileName(_engine.DaemonFiles.StopFile), Path.GetFileName(_engine.Home.DaemonLockFile));
        var (identity, _) = await _engine.Identity.EnsureAsync(null, ending.Token).ConfigureAwait(false);
        var door = new TrustDoor(_engine, _log, identity.Did);
        await door.OpenAsync().ConfigureAwait(false);
        _log.Write($"started as {identity.Did}, process {Environment.ProcessId}, {(pairs.IsWatching ? "watching files" : "looking at files every few seconds")}");
        try
        {
            var stop = WatchStopAsync(asked, ending);
            var revoke = RevokeAsync(state, ending.Token);
            var rotate = RotateAsync(moves, ending.Token);
            var devices = ResumeDevicesAsync(ending.Token);
            var knocks = door.RunAsync(ending.Token);
            var mail = new MailWorkers(_engine, _log).RunAsync(ending.Token);
            await WatchPairsAsync(pairs, ending.Token).ConfigureAwait(false);
            await Task.WhenAll([stop, revoke, rotate, devices, knocks, mail, .. _workers.Values.Select(static w => w.Ended)]).ConfigureAwait(false);
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await door.DisposeAsync().ConfigureAwait(false);
            if (!_engine.DaemonFiles.HasLostPlace())
            {
                _log.Write($"stopped");
                _engine.DaemonFiles.Retract();
            }
        }
    }

    private async Task WatchPairsAsync(FolderWatch watch, CancellationToken cancellationToken)
    {
        IReadOnlyCollection<string>? changed = null;
        var lastLook = DateTimeOffset.MinValue;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                if (changed is null)
                {
                    var since = lastLook;
                    lastLook = DateTimeOffset.UtcNow - ClockSlack;
                    foreach (var (key, lastWrite) in _engine.Pairs.Keys())
                    {
                        if (lastWrite >= since || !_workers.ContainsKey(key))
                        {
                            LookAt(key, cancellationToken);
                        }
                    }
                }
                else
                {
                    foreach (var path in changed.Where(PendingPairStore.IsPairFile))
                    {
                        LookAt(PendingPairStore.KeyOf(path), cancellationToken);
                    }
                }
            }
            catch (WireException error)
            {
                _log.Write($"the pending folder cannot be read: {error.Message}");
            }

            changed = await UntilAsync(watch, cancellationToken).ConfigureAwait(false);
        }
    }

    private void LookAt(string key, CancellationToken cancellationToken)
    {
        if (_workers.TryGetValue(key, out var worker) && !worker.Ended.IsCompleted)
        {
            worker.FileChanged();
        }
        else if (_engine.Files.Exists(_engine.Pairs.PathOf(key)))
        {
            worker?.Dispose();
            _workers[key] = new PairWorker(this, key, cancellationToken);
        }
        else if (_workers.TryRemove(key, out worker))
        {
            worker.Dispose();
        }
    }

    private async Task WatchStopAsync(FolderWatch watch, CancellationTokenSource ending)
    {
        while (!ending.IsCancellationRequested)
        {
            if (_engine.DaemonFiles.IsStopRequested() || _engine.DaemonFiles.HasLostPlace())
            {
                await ending.CancelAsync().ConfigureAwait(false);
                return;
            }

            await UntilAsync(watch, ending.Token).ConfigureAwait(false);
        }
    }

    private async Task RevokeAsync(FolderWatch watch, CancellationToken cancellationToken)
    {
        var pause = new BackOff(_engine.Time);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                if (await _engine.Revocations.RunAsync(cancellationToken).ConfigureAwait(false) is { } trouble)
                {
                    _log.Write($"grants wait to be revoked: {trouble.Message}");
                    await pause.WaitAsync(trouble.RetryAfter, cancellationToken).ConfigureAwait(false);
                    continue;
                }

                pause.Reset();
            }
            catch (WireException error)
            {
                _log.Write($"grants wait to be revoked: {error.Message}");
                await pause.WaitAsync(null, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await UntilAsync(watch, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Moves mailboxes whose tokens are held by peers that have gone.</summary>
    private async Task RotateAsync(FolderWatch watch, CancellationToken cancellationToken)
    {
        var pause = new BackOff(_engine.Time);
        while (!cancellationToken.IsCancellationRequested)
        {
            IReadOnlyList<WireException> troubles;
            try
            {
                troubles = await _engine.Rotation.RunAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (WireException error)
            {
                troubles = [error];
            }
            catch (OperationCanceledException)
            {
                return;
            }

            if (troubles.Count == 0)
            {
                pause.Reset();
                await UntilAsync(watch, cancellationToken).ConfigureAwait(false);
                continue;
            }

            foreach (var trouble in troubles)
            {
                _log.Write($"a mailbox waits to be moved: {trouble.Message}");
            }

            await pause.WaitAsync(troubles.OfType<RelayException>().Max(static t => t.RetryAfter), cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Finishes what a process that died has left of a redemption, removes tokens that have expired, and ends requests that nobody has answered.</summary>
    private async Task ResumeDevicesAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await _engine.DeviceOperations.ResumeAsync(cancellationToken).ConfigureAwait(false);
                await _engine.Requests.ExpireAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (WireException error)
            {
                _log.Write($"what has expired cannot be ended: {error.Message}");
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(NextTokenLook, _engine.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task<IReadOnlyCollection<string>?> UntilAsync(FolderWatch watch, CancellationToken cancellationToken)
    {
        try
        {
            return await watch.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The loops look at the token.
            return [];
        }
    }

    /// <summary>Goes on with one pairing for as long as its file is there.</summary>
    private sealed class PairWorker : IDisposable
    {
        private readonly DaemonLoop _loop;
        private readonly string _key;
        private readonly CancellationToken _ending;
        private CancellationTokenSource _wake = new();
        private long _version;

        public PairWorker(DaemonLoop loop, string key, CancellationToken ending)
        {
            _loop = loop;
            _key = key;
            _ending = ending;
            Ended = Task.Run(RunAsync, CancellationToken.None);
        }

        public Task Ended { get; }

        /// <summary>Wakes it, unless the change was its own.</summary>
        public void FileChanged()
        {
            if (_loop._engine.Pairs.TryLoad(_key)?.Pair?.Version is not { } version || version > Volatile.Read(ref _version))
            {
                Volatile.Read(ref _wake).Cancel();
            }
        }

        public void Dispose() => _wake.Dispose();

        private async Task RunAsync()
        {
            var pause = new BackOff(_loop._engine.Time);
            var isFirst = true;
            while (!_ending.IsCancellationRequested)
            {
                if (_wake.IsCancellationRequested)
                {
                    _wake = new CancellationTokenSource();
                }

                try
                {
                    var options = new PairPassOptions(isFirst, HttpRelay.LongestWait, version => Volatile.Write(ref _version, version), _wake.Token);
                    var pass = await _loop._engine.Runner.RunAsync(_key, options, _ending).ConfigureAwait(false);
                    isFirst = false;
                    foreach (var move in pass.Moves)
                    {
                        _loop._log.Write($"pairing {move.Id}: {move.From} -> {move.To}{(move.Reason is { } reason ? $" ({reason.ToWire()})" : "")}");
                    }

                    if (pass.Pair is null)
                    {
                        return;
                    }

                    if (pass.Trouble is not null)
                    {
                        _loop._log.Write($"pairing {pass.Pair.Id}: {pass.Trouble.Message}");
                        await RestAsync(pause.Next(pass.Trouble.RetryAfter)).ConfigureAwait(false);
                    }
                    else
                    {
                        pause.Reset();
                        await RestAsync(pass.ResumeAt is { } at ? at - _loop._engine.Time.GetUtcNow() : null).ConfigureAwait(false);
                    }
                }
                catch (OperationCanceledException)
                {
                    // Woken, or ending: the loop looks which.
                }
                catch (WireException error)
                {
                    // The file is torn, the disk is full, a lock is stuck: the others go on, and this one is tried again.
                    _loop._log.Write($"a pairing cannot go on: {error.ErrorId}: {error.Message}");
                    await pause.WaitAsync(null, _ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }

        /// <summary>Rests for a time, or without one, until woken.</summary>
        private async Task RestAsync(TimeSpan? time)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_wake.Token, _ending);
            while (time is null || time > LongestRest)
            {
                await Task.Delay(LongestRest, _loop._engine.Time, either.Token).ConfigureAwait(false);
                time -= LongestRest;
            }

            if (time > TimeSpan.Zero)
            {
                await Task.Delay(time.Value, _loop._engine.Time, either.Token).ConfigureAwait(false);
            }
        }

        // A timer takes no more than 49 days.
        private static readonly TimeSpan LongestRest = TimeSpan.FromDays(20);
    }
}
