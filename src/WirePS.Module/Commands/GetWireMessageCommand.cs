using System.Management.Automation;
using WirePS.Messaging;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Commands;

/// <summary>Shows the messages of a home, in both directions, or what was refused.</summary>
[Cmdlet(VerbsCommon.Get, "WireMessage", DefaultParameterSetName = History)]
[OutputType(typeof(WireMessage), ParameterSetName = [History])]
[OutputType(typeof(WireRefusedEvent), ParameterSetName = [RefusedSet])]
public sealed class GetWireMessageCommand : NamedPeerCmdlet
{
    private const string History = "History";
    private const string RefusedSet = "Refused";

    /// <summary>Only messages from and to these peers.</summary>
    [Parameter(Position = 0, ParameterSetName = History, ValueFromPipelineByPropertyName = true)]
    [Alias("Did")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PeerCompleter))]
    public string[]? Peer { get; set; }

    /// <summary>Only the newest, so many.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Last { get; set; }

    /// <summary>Only those after this time.</summary>
    [Parameter]
    public DateTime? After { get; set; }

    /// <summary>What came to the mailboxes of this home and was passed over.</summary>
    [Parameter(Mandatory = true, ParameterSetName = RefusedSet)]
    public SwitchParameter Refused { get; set; }

    /// <inheritdoc/>
    protected override Task ProcessAsync()
    {
        // A time without a zone is one of this machine.
        DateTimeOffset? after = After is { } time ? new DateTimeOffset(time.Kind == DateTimeKind.Utc ? time : DateTime.SpecifyKind(time, DateTimeKind.Local)) : null;
        if (Refused)
        {
            var refused = Engine.Refused.List().Where(r => !(r.At <= after)).ToList();
            WriteObject(refused.Skip(Last is { } last ? refused.Count - last : 0).Select(r => WireRefusedEvent.Of(r, Engine)), enumerateCollection: true);
            return Task.CompletedTask;
        }

        foreach (var message in Engine.History.Read(new HistoryQuery { PeerDids = DidsOf(Peer), Last = Last, After = after }, WriteError))
        {
            Cancellation.ThrowIfCancellationRequested();
            WriteObject(WireMessage.Of(message, Engine));
        }

        return Task.CompletedTask;
    }
}
