using System.Management.Automation;
using WirePS.Handshakes;
using WirePS.Identity;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Trust;

namespace WirePS.Module.Commands;

/// <summary>Asks somebody to trust this home, without a code.</summary>
[Cmdlet(VerbsLifecycle.Request, "WireTrust", SupportsShouldProcess = true)]
[OutputType(typeof(WireTrustRequest))]
public sealed class RequestWireTrustCommand : RelayCmdlet
{
    /// <summary>Whom: a handle at a relay, as <c>handle@relay</c> or with -Relay, a DID there, or a peer that is known here.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Did")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(PeerCompleter))]
    public string[]? Peer { get; set; }

    /// <summary>Why, for the person on the other side.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string? Justification { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        foreach (var name in Peer!)
        {
            await TryAsync(() => AskAsync(name));
        }
    }

    private async Task AskAsync(string name)
    {
        var engine = Engine;
        var isDid = name.StartsWith("did:", StringComparison.Ordinal);
        var isElsewhere = !isDid && (Relay is not null || name.Contains('@', StringComparison.Ordinal));
        if (!isElsewhere && PeerNames.Find(engine.Peers.ListAll(), name) is { Count: > 0 } known)
        {
            await AskKnownAsync(known.Count == 1 ? known[0] : throw new WireException(WireReason.PeerAmbiguous, null, name));
            return;
        }

        var (handle, relay) = HandleAddress.Parse(isDid ? WireDid.DisplayHandle(name) : name, Relay, AllowInsecureRelay, engine.Settings);
        if (!ShouldProcess($"{Printable.Of(handle)} at {relay}", "Ask for trust"))
        {
            return;
        }

        var found = await engine.Directory.FindAsync(relay, handle, Cancellation);
        if (found is null || (isDid && found.Card.Did != name))
        {
            throw new WireException(WireReason.HandleNotFound, found is null ? null : $"The relay gives another key than that of {name}.", name);
        }

        Show(await engine.Requests.AskAsync(found, Justification, Cancellation));
    }

    private async Task AskKnownAsync(TrustEntry peer)
    {
        if (ShouldProcess($"{Printable.Of(peer.Did)}, {peer.Fingerprint}", "Ask for trust"))
        {
            Show(await Engine.Requests.AskAsync(peer, Justification, Cancellation));
        }
    }

    private void Show(OutgoingRequest request)
    {
        WarnWithoutDaemon(Engine);
        WriteObject(WireTrustRequest.Of(request, Engine));
    }
}
