using WirePS.Devices;

namespace WirePS.Module.Output;

/// <summary>A pair token of this home. Its text and URL are not here: they were shown when it was made, and are kept nowhere.</summary>
public class WirePairToken
{
    /// <summary>64 hex digits, the hash of its text: its name. No secret.</summary>
    public required string Id { get; init; }

    /// <summary>The DID of the identity that it adds a device to.</summary>
    public string? Principal { get; init; }

    /// <summary>A name for the device.</summary>
    public string? Label { get; init; }

    /// <summary>What the device may do: some of <c>add</c>, <c>send</c>, <c>receive</c>.</summary>
    public required string[] Rights { get; init; }

    /// <summary>Where it stands, as a name of <see cref="PairTokenState"/>.</summary>
    public required string State { get; init; }

    /// <summary>When it was made.</summary>
    public DateTime IssuedAt { get; init; }

    /// <summary>From when on it is dead.</summary>
    public DateTime ExpiresAt { get; init; }

    /// <summary>The DID of the device that used it.</summary>
    public string? DeviceDid { get; init; }

    /// <summary>The fingerprint of that device's key.</summary>
    public string? DeviceFingerprint { get; init; }

    /// <summary>Why its record cannot be read, where it cannot.</summary>
    public string? Fault { get; init; }

    /// <summary>The home; the cmdlets that this object is piped to work on the same one.</summary>
    public required string WireHome { get; init; }

    internal static WirePairToken Of(PairTokenInfo info, WireEngine engine) => new()
    {
        Id = info.TokenHash,
        Principal = Printable.Of(info.Principal),
        Label = Printable.Of(info.Label),
        Rights = [.. info.Rights.ToNames()],
        State = info.State.ToString(),
        IssuedAt = info.IssuedAt.LocalDateTime,
        ExpiresAt = info.ExpiresAt.LocalDateTime,
        DeviceDid = Printable.Of(info.DeviceDid),
        DeviceFingerprint = info.DeviceKey is { } key ? Identity.Fingerprint.Display(key) : null,
        Fault = Printable.Of(info.Fault?.Message),
        WireHome = engine.Home.Root,
    };

    /// <summary>Names the token by its hash; no secret.</summary>
    public override string ToString() => $"pair token {Id}: {State}";
}

/// <summary>
/// A pair token that was just made, with what takes it to the other machine: the only time that this can be seen. As text
/// it is the URL, so that <c>New-WirePairToken | Set-Clipboard</c> does what one expects.
/// </summary>
public sealed class WireNewPairToken : WirePairToken
{
    /// <summary>The URL to register by; a secret for as long as the token lives.</summary>
    public required string Url { get; init; }

    /// <summary>The bare text, 32 characters, good where this home's files are; a secret likewise.</summary>
    public required string Text { get; init; }

    /// <summary>The relay that the other machine asks over.</summary>
    public required string Relay { get; init; }

    internal static WireNewPairToken Of(MintedDeviceUrl minted, WireEngine engine)
    {
        var info = minted.Minted.Info;
        return new WireNewPairToken
        {
            Id = info.TokenHash,
            Principal = info.Principal,
            Label = Printable.Of(info.Label),
            Rights = [.. info.Rights.ToNames()],
            State = info.State.ToString(),
            IssuedAt = info.IssuedAt.LocalDateTime,
            ExpiresAt = info.ExpiresAt.LocalDateTime,
            Url = minted.Url,
            Text = minted.Minted.Token,
            Relay = minted.Relay,
            WireHome = engine.Home.Root,
        };
    }

    /// <summary>The URL.</summary>
    public override string ToString() => Url;
}
