using System.Management.Automation;
using System.Management.Automation.Host;
using WirePS.Daemon;
using Home = WirePS.Identity.WireHome;

namespace WirePS.Module.Pipeline;

/// <summary>
/// What every cmdlet of WirePS shares: its home, asynchronous work that is pumped to the pipeline thread, Ctrl+C as a
/// cancellation, and failures as error records.
/// </summary>
public abstract class WireCmdlet : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<string, WireEngine> _engines = new(StringComparer.Ordinal);

    /// <summary>The home to work on; nothing for <c>WIRE_HOME</c>, else the platform's place.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? WireHome { get; set; }

    /// <summary>Cancelled by Ctrl+C.</summary>
    protected CancellationToken Cancellation => _stopping.Token;

    /// <summary>The engine of the home that the current input names. Refuses a home that another program uses.</summary>
    protected WireEngine Engine
    {
        get
        {
            // Not the process' current folder but the session's counts, and drives of the session resolve.
            var home = Home.Resolve(WireHome is null ? null : SessionState.Path.GetUnresolvedProviderPathFromPSPath(WireHome));
            if (!_engines.TryGetValue(home.Root, out var engine))
            {
                engine = new WireEngine(home, new WireSurroundings { Notifier = new DesktopNotifier(home) });
                _engines.Add(home.Root, engine);
                engine.RequireOwnHome();
                if (LooksOnly && Home.IsNamed(WireHome) && !Directory.Exists(home.Root))
                {
                    WriteWarning($"There is no home in '{home.Root}': nothing has been written there. Compare -WireHome or $env:WIRE_HOME with where it should be.");
                }

                foreach (var path in engine.RepairPermissions())
                {
                    WriteWarning($"Other users could open '{path}'; it is closed to them now.");
                }
            }

            return engine;
        }
    }

    /// <summary>True for a command that gives out what a home holds: for a folder that does not exist, that would be nothing, without a word.</summary>
    protected virtual bool LooksOnly => MyInvocation.MyCommand is CmdletInfo { Verb: VerbsCommon.Get };

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>As PowerShell does it. Where it has to ask and nobody can answer: <see cref="WireReason.ConfirmationRequired"/>.</summary>
    protected new bool ShouldProcess(string target, string action) => Ask(() => base.ShouldProcess(target, action));

    /// <inheritdoc cref="ShouldProcess(string, string)"/>
    protected new bool ShouldProcess(string description, string question, string caption, out ShouldProcessReason reason)
    {
        var why = ShouldProcessReason.None;
        var answer = Ask(() => base.ShouldProcess(description, question, caption, out why));
        reason = why;
        return answer;
    }

    /// <summary>Before the first input.</summary>
    protected virtual Task BeginAsync() => Task.CompletedTask;

    /// <summary>For each input.</summary>
    protected virtual Task ProcessAsync() => Task.CompletedTask;

    /// <summary>After the last input.</summary>
    protected virtual Task EndAsync() => Task.CompletedTask;

    /// <inheritdoc/>
    protected sealed override void BeginProcessing() => Run(BeginAsync);

    /// <inheritdoc/>
    protected sealed override void ProcessRecord() => Run(ProcessAsync);

    /// <inheritdoc/>
    protected sealed override void EndProcessing() => Run(EndAsync);

    /// <inheritdoc/>
    protected sealed override void StopProcessing() => _stopping.Cancel();

    /// <summary>Does something for one of several objects: its failure is reported and stops nothing else.</summary>
    /// <returns>False where it failed.</returns>
    protected async Task<bool> TryAsync(Func<Task> operation)
    {
        try
        {
            await operation();
            return true;
        }
        catch (Exception error) when (ErrorRecords.ReasonOf(error) is { } failure)
        {
            WriteError(failure);
            return false;
        }
    }

    /// <summary>Reports a failure that stops nothing else.</summary>
    protected void WriteError(WireException error) => WriteError(ErrorRecords.Of(error));

    /// <summary>Says, where no daemon runs, that the pairings of the home do not move by themselves.</summary>
    protected void WarnWithoutDaemon(WireEngine engine)
    {
        if (!engine.DaemonFiles.IsRunning())
        {
            WriteWarning("No daemon runs for this home, so its pairings do not go on by themselves. Start one with Start-WireDaemon, or call Invoke-WireTick from time to time.");
        }
    }

    /// <summary>Releases what the cmdlet holds.</summary>
    /// <param name="disposing">True unless a finalizer calls.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stopping.Dispose();
            foreach (var engine in _engines.Values)
            {
                engine.Dispose();
            }
        }
    }

    private static bool Ask(Func<bool> question)
    {
        try
        {
            return question();
        }
        catch (Exception error) when (HostLimits.IsUnable(error) || error is NotSupportedException or NullReferenceException)
        {
            // Each host has its own way to say that nobody answers; the console's, where its input has ended, is a null reference.
            throw new WireException(WireReason.ConfirmationRequired, inner: error);
        }
    }

    private void Run(Func<Task> operation)
    {
        try
        {
            PipelinePump.Run(operation);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
        catch (Exception error) when (ErrorRecords.ReasonOf(error) is { } failure)
        {
            ThrowTerminatingError(ErrorRecords.Of(failure));
        }
    }
}
