using System.Management.Automation;
using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Trust;

namespace WirePS.Module.Commands;

/// <summary>Sends messages to peers.</summary>
[Cmdlet(VerbsCommunications.Send, "WireMessage", SupportsShouldProcess = true)]
[OutputType(typeof(WireMessage))]
public sealed class SendWireMessageCommand : NamedPeerCmdlet
{
    /// <summary>The peers: handles, DIDs, fingerprints, or wildcards for them.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Did")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PeerCompleter))]
    public string[] Peer { get; set; } = [];

    /// <summary>What to send; each object is a message.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    [AllowNull]
    [AllowEmptyString]
    [AllowEmptyCollection]
    public object? Body { get; set; }

    /// <summary>The name of the type, for the receiver to sort by.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string Type { get; set; } = MessageWish.DefaultType;

    /// <summary>The kind.</summary>
    [Parameter]
    [ValidateSet("1", "1000", "1001", "1002")]
    public int Kind { get; set; } = (int)EventKinds.Message;

    /// <summary>Leaves the delivery to the daemon or the next tick.</summary>
    [Parameter]
    public SwitchParameter Queue { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Peer)
        {
            await TryAsync(async () =>
            {
                var body = BodyOf(Body);
                foreach (var peer in RequireOne(name))
                {
                    if (ShouldProcess($"{Printable.Of(peer.Did)}, {peer.Fingerprint}", "Send a message"))
                    {
                        await TryAsync(() => SendAsync(peer, body));
                    }
                }
            });
        }
    }

    // What is piped in is the body where none is given: a peer there was meant as the receiver.
    private static WireJson BodyOf(object? body) => body is PSObject { BaseObject: WirePeer peer }
        ? throw new WireException(WireReason.InvalidMessage, $"What is piped in is what is sent, and the peer '{peer.Handle}' is no message. To send something to peers from the pipeline, name it: Get-WirePeer | Send-WireMessage -Body 'hello'.", peer.Did)
        : MessageBody.Of(body);

    private async Task SendAsync(TrustEntry peer, WireJson body)
    {
        var delivery = await Engine.Messenger.SendAsync(peer, new MessageWish(body) { Type = Type, Kind = (uint)Kind, OnlyQueue = Queue }, Cancellation);
        if (delivery.Trouble is { } trouble)
        {
            var next = Engine.DaemonFiles.IsRunning() ? "the daemon of this home delivers it" : "no daemon runs for this home: Start-WireDaemon or Invoke-WireTick delivers it";
            WriteWarning($"The message to {Printable.Of(peer.Handle)} waits, {next}. {trouble.Message}");
        }

        switch (delivery.Status)
        {
            case DeliveryStatus.Stale:
                throw new WireException(WireReason.RouteStale, null, Printable.Of(peer.Did));
            case DeliveryStatus.NoRoute:
                throw new WireException(WireReason.RouteMissing, null, Printable.Of(peer.Did));
            case DeliveryStatus.TooLarge:
                throw new WireException(WireReason.MessageTooLarge, "The relay does not take messages of this size.", Printable.Of(peer.Did));
            default:
                WriteObject(WireMessage.Of(delivery.ToMessage(), Engine));
                break;
        }
    }
}
