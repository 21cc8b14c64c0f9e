using System.Diagnostics;
using System.Management.Automation;
using WirePS.Messaging;
using WirePS.Module.Binding;
using WirePS.Module.Ceremony;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Storage;

namespace WirePS.Module.Commands;

/// <summary>Gives out the messages that a consumer has not had.</summary>
[Cmdlet(VerbsCommunications.Receive, "WireMessage", SupportsShouldProcess = true)]
[OutputType(typeof(WireMessage))]
public sealed class ReceiveWireMessageCommand : NamedPeerCmdlet
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);
    private readonly Stopwatch _since = Stopwatch.StartNew();
    private int _count;

    /// <summary>Only messages of these peers; those of others stay unread.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PeerCompleter))]
    public string[]? Peer { get; set; }

    /// <summary>Under which name; each consumer gets every message once.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ConsumerCompleter))]
    public string Consumer { get; set; } = "default";

    /// <summary>At most so many; the others stay unread.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int First { get; set; } = int.MaxValue;

    /// <summary>Goes on with every message that comes, until there were enough, the time is over, or it is stopped.</summary>
    [Parameter]
    public SwitchParameter Wait { get; set; }

    /// <summary>How long to wait; without -Wait it waits as well.</summary>
    [Parameter]
    [Duration(NumbersAreSeconds = true)]
    public TimeSpan? Timeout { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        DurationAttribute.Require(Timeout);
        if (!ShouldProcess(Engine.Home.Root, $"Receive messages as the consumer '{Consumer}'"))
        {
            return;
        }

        await Engine.Identity.EnsureAsync(null, Cancellation);
        var waits = Wait || Timeout is not null;
        using var consumer = Engine.OpenConsumer(Consumer, DidsOf(Peer));
        if (!waits && !Engine.DaemonFiles.IsRunning())
        {
            var troubles = new List<string>();
            await Engine.Mail.ReadAsync(error => troubles.Add(error.Message), Cancellation);
            foreach (var trouble in troubles.Distinct())
            {
                WriteWarning(trouble);
            }
        }

        await GiveAsync(consumer);
        if (waits && _count < First)
        {
            await WaitAsync(consumer);
        }
    }

    private async Task WaitAsync(MessageConsumer consumer)
    {
        await using var driver = new MailDriver(Engine);
        using var watch = new FolderWatch(Engine.Home.StateFolder, Look);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        if (Timeout is { } time)
        {
            limit.CancelAfter(time > _since.Elapsed ? time - _since.Elapsed : TimeSpan.Zero);
        }

        try
        {
            while (_count < First)
            {
                driver.StartWhereNoDaemonRuns();
                await watch.WaitAsync(limit.Token);
                foreach (var trouble in driver.TakeTroubles())
                {
                    WriteWarning(trouble);
                }

                await GiveAsync(consumer);
            }
        }
        catch (OperationCanceledException) when (!Cancellation.IsCancellationRequested)
        {
            // What has come in the last moment is not left lying.
            await GiveAsync(consumer);
            if (First != int.MaxValue && _count < First)
            {
                throw new WireException(WireReason.WaitTimeout, _count == 0 ? "No message has come in time." : $"Only {_count} of {First} messages have come in time.");
            }
        }
    }

    /// <summary>Gives out what is there. A message counts as handed over when whoever takes it has returned.</summary>
    private async Task GiveAsync(MessageConsumer consumer)
    {
        if (!consumer.HasNews)
        {
            return;
        }

        foreach (var pending in consumer.Pending())
        {
            Cancellation.ThrowIfCancellationRequested();
            try
            {
                WriteObject(WireMessage.Of(pending.Message, Engine));
            }
            catch (FlowControlException)
            {
                // A script has left its loop: it has taken the message, and wants no more.
                await consumer.CommitAsync(pending.Place);
                throw;
            }

            await consumer.CommitAsync(pending.Place);
            if (++_count == First)
            {
                return;
            }
        }

        await consumer.CommitSeenAsync();
    }
}
