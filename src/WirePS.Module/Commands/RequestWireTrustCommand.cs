using System.Management.Automation;
using WirePS.Handshakes;
using WirePS.Identity;
using WirePS.Module.Binding;
using WirePS.Module.Output;
using WirePS.Module.Pipeline;
using WirePS.Trust;

namespace WirePS.Module.Commands;

/// <summary>Asks somebody to trust this home, without a code.</summary>
[Cmdlet(VerbsLifecycle.Request, "WireTrust", SupportsShouldProcess = true, DefaultParameterSetName = ByAddress)]
[OutputType(typeof(WireTrustRequest))]
public sealed class RequestWireTrustCommand : RelayCmdlet
{
    private const string ByPeer = "Peer";
    private const string ByAddress = "Address";

    /// <summary>Whom: a handle at a relay, as <c>handle@relay</c> or with -Relay, a DID there, or a peer that is known here.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByPeer, ValueFromPipelineByPropertyName = true)]
    [Alias("Did")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(PeerCompleter))]
    public string[]? Peer { get; set; }

    /// <summary>Where the other side's daemon takes requests as connections, <c>host:port</c>; beside -Peer it is tried first, and the relay after it.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByAddress)]
    [Parameter(ParameterSetName = ByPeer)]
    [ValidateNotNullOrEmpty]
    public string? Address { get; set; }

    /// <summary>The fingerprint that the key there must have, as the other side has told it.</summary>
    [Parameter(ParameterSetName = ByAddress)]
    [ValidateNotNullOrEmpty]
    public string? Fingerprint { get; set; }

    /// <summary>Why, for the person on the other side.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string? Justification { get; set; }

    /// <summary>Asks also where a request waits already, and a peer that is trusted here: the other side may decide otherwise by now, or have forgotten this home.</summary>
    [Parameter]
    public SwitchParameter Again { get; set; }

    /// <inheritdoc/>
    protected override async Task ProcessAsync()
    {
        var address = Address is null ? null : DirectAddress.TryParse(Address) ?? throw new WireException(WireReason.InvalidAddress, null, Address);
        if (address is not null && Peer is null)
        {
            await AskAtAsync(address);
        }

        foreach (var name in Peer ?? [])
        {
            await TryAsync(() => AskAsync(name, address));
        }
    }

    private async Task AskAtAsync(DirectAddress address)
    {
        var engine = Engine;
        if (ShouldProcess(address.ToString(), "Ask for trust"))
        {
            WarnWithoutAnswer(engine);
            Show(await engine.Requests.AskAtAsync(address, null, null, Fingerprint, Justification, Cancellation, Again));
        }
    }

    private async Task AskAsync(string name, DirectAddress? address)
    {
        var engine = Engine;
        var isDid = name.StartsWith("did:", StringComparison.Ordinal);
        var isElsewhere = !isDid && (Relay is not null || name.Contains('@', StringComparison.Ordinal));
        if (!isElsewhere && PeerNames.Find(engine.Peers.ListAll(), name) is { Count: > 0 } known)
        {
            await AskKnownAsync(known.Count == 1 ? known[0] : throw new WireException(WireReason.PeerAmbiguous, null, name), address);
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

        if (IsToBeAsked(engine.Trust.FindKey(found.Card.PublicKey)))
        {
            Show(await DirectlyOrAsync(address, found.Card, HandleDirectory.KeySource, () => engine.Requests.AskAsync(found, Justification, Cancellation, Again)));
        }
    }

    private async Task AskKnownAsync(TrustEntry peer, DirectAddress? address)
    {
        if (IsToBeAsked(peer) && ShouldProcess($"{Printable.Of(peer.Did)}, {peer.Fingerprint}", "Ask for trust"))
        {
            Show(await DirectlyOrAsync(address, peer.Card, peer.KeySource, () => Engine.Requests.AskAsync(peer, Justification, Cancellation, Again)));
        }
    }

    // The address is the shorter way; where nobody is there, the relay leads to the same key.
    private async Task<OutgoingRequest> DirectlyOrAsync(DirectAddress? address, AgentCard? card, string? keySource, Func<Task<OutgoingRequest>> relayed)
    {
        if (address is null || card is null)
        {
            return await relayed();
        }

        try
        {
            return await Engine.Requests.AskAtAsync(address, card, keySource, null, Justification, Cancellation, Again);
        }
        catch (WireException error) when (error.Reason == WireReason.PeerUnreachable)
        {
            WriteVerbose($"{error.Message} The request goes over the relay.");
            return await relayed();
        }
    }

    private bool IsToBeAsked(TrustEntry? peer)
    {
        if (Again || peer is not { IsTrusted: true })
        {
            return true;
        }

        WriteObject(WireTrustRequest.Of(peer, Engine));
        return false;
    }

    private void WarnWithoutAnswer(WireEngine engine)
    {
        if (engine.Direct.AnswerPort is null && engine.Mailboxes.List().Count == 0)
        {
            WriteWarning("The answer cannot reach this home: its daemon takes no connections (Set-WireTrustPolicy -Listen), and no relay has its handle (Register-WireHandle).");
        }
    }

    private void Show(OutgoingRequest request)
    {
        WarnWithoutDaemon(Engine);
        WriteObject(WireTrustRequest.Of(request, Engine));
    }
}
