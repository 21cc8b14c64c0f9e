using WirePS.Daemon;
using WirePS.Identity;

namespace WirePS.Module.Tests;

/// <summary>Starting and stopping a daemon, with a process that is only played.</summary>
public sealed class DaemonControlTests : IDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(30);
    private readonly string _folder = Path.Combine(Path.GetTempPath(), "wireps-" + Path.GetRandomFileName());
    private readonly Played _process = new();
    private readonly WireEngine _engine;

    public DaemonControlTests() => _engine = new WireEngine(WireHome.Resolve(_folder), new WireSurroundings { Launcher = _process });

    public void Dispose()
    {
        _engine.Dispose();
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Fact]
    public async Task It_is_started_when_it_has_announced_itself()
    {
        IDisposable? held = null;
        _process.Started = () =>
        {
            held = _engine.DaemonFiles.TryClaim();
            _engine.DaemonFiles.Announce(null, null);
        };
        var (daemon, isNew) = await StartAsync(Late);
        Assert.True(isNew);
        Assert.Equal(Environment.ProcessId, daemon.Pid);
        Assert.False(_process.WasKilled);
        held!.Dispose();
    }

    [Fact]
    public async Task A_second_start_gives_the_first_one()
    {
        using var place = _engine.DaemonFiles.TryClaim();
        _engine.DaemonFiles.Announce(null, null);
        _process.Started = static () => Assert.Fail("A second process was started.");
        var (daemon, isNew) = await StartAsync(Late);
        Assert.False(isNew);
        Assert.Equal(Environment.ProcessId, daemon.Pid);
    }

    [Fact]
    public async Task A_process_that_ends_early_is_an_error_with_its_last_words()
    {
        _process.Started = () => _process.HasExited = true;
        var error = await Assert.ThrowsAsync<WireException>(() => StartAsync(Late));
        Assert.Equal(WireReason.DaemonStartFailed, error.Reason);
        Assert.Contains("no such module", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_that_is_never_ready_is_ended()
    {
        var error = await Assert.ThrowsAsync<WireException>(() => StartAsync(Soon));
        Assert.Equal(WireReason.DaemonStartFailed, error.Reason);
        Assert.True(_process.WasKilled);
    }

    [Fact]
    public async Task Ctrl_C_while_it_starts_leaves_no_process_behind()
    {
        using var cancellation = new CancellationTokenSource(Soon);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _engine.DaemonControl.StartAsync(new DetachedProgram("", [], "", ""), Late, cancellation.Token));
        Assert.True(_process.WasKilled);
    }

    [Fact]
    public async Task An_announcement_of_a_dead_daemon_is_no_daemon()
    {
        _engine.DaemonFiles.Announce(null, null);
        Assert.Null(_engine.DaemonControl.Running());
        Assert.Equal(WireReason.DaemonNotRunning, (await Assert.ThrowsAsync<WireException>(() => _engine.DaemonControl.StopAsync(Soon, CancellationToken.None))).Reason);
    }

    private Task<(DaemonRecord Daemon, bool IsNew)> StartAsync(TimeSpan timeout) =>
        _engine.DaemonControl.StartAsync(new DetachedProgram("", [], "", ""), timeout, CancellationToken.None);

    /// <summary>A launcher whose process is this one, or none.</summary>
    private sealed class Played : IDetachedLauncher, IDetachedProcess
    {
        public Action Started { get; set; } = static () => { };

        public int Id => Environment.ProcessId;

        public bool HasExited { get; set; }

        public bool WasKilled { get; private set; }

        public IDetachedProcess Start(DetachedProgram program)
        {
            Started();
            return this;
        }

        public void Kill() => WasKilled = HasExited = true;

        public Task<string> LastWordsAsync() => Task.FromResult("no such module");

        public void Dispose()
        {
        }
    }
}
