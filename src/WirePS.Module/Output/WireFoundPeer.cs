using WirePS.Trust;

namespace WirePS.Module.Output;

/// <summary>Somebody whom the directory of a relay knows. Nobody but the relay vouches for it.</summary>
public sealed class WireFoundPeer
{
    /// <summary>The name that it has claimed there.</summary>
    public required string Handle { get; init; }

    /// <summary>The fingerprint of the key that the relay says it has: compare it with the person.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>Whether that key is <c>Known</c> here, <c>New</c>, <c>Different</c> from the one that is pinned under the name, or <c>Revoked</c>.</summary>
    public required string PeerKey { get; init; }

    /// <summary>Where the key comes from: <c>directory</c>, the relay's word and nothing more.</summary>
    public required string KeySource { get; init; }

    /// <summary>The name that it shows: its claim, without control characters.</summary>
    public string? DisplayName { get; init; }

    /// <summary>Its DID: a name, no proof.</summary>
    public required string Did { get; init; }

    /// <summary>The relay.</summary>
    public required string Relay { get; init; }

    /// <summary>When the handle was claimed, as the relay says.</summary>
    public DateTime? ClaimedAt { get; init; }

    /// <summary>The home; the cmdlets that this object is piped to work on the same one.</summary>
    public required string WireHome { get; init; }

    internal static WireFoundPeer Of(FoundPeer found, WireEngine engine) => new()
    {
        Handle = Printable.Of(found.Card.Handle),
        Fingerprint = Identity.Fingerprint.Display(found.Card.PublicKey),
        PeerKey = found.Familiarity.ToString(),
        KeySource = HandleDirectory.KeySource,
        DisplayName = Printable.Of(found.Card.Name),
        Did = Printable.Of(found.Card.Did),
        Relay = found.RelayUrl,
        ClaimedAt = found.ClaimedAt?.LocalDateTime,
        WireHome = engine.Home.Root,
    };

    /// <summary>The DID.</summary>
    public override string ToString() => Did;
}
