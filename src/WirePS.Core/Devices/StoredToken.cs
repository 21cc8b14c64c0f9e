using System.Collections.Immutable;
using WirePS.Identity;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>Where a pair token stands.</summary>
public enum PairTokenState
{
    /// <summary>Nobody has used it.</summary>
    Live,

    /// <summary>A device has used it, and is being added.</summary>
    Reserved,

    /// <summary>The device is added; the same request gets the same answer until expiry.</summary>
    Used,

    /// <summary>It cannot be used: its record is out of its form, or says what no record of ours says.</summary>
    Unusable,
}

/// <summary>What the root of the identity needs to verify a device by itself, where this home is but a device.</summary>
/// <param name="Proof">The proof of possession, 64 bytes.</param>
/// <param name="RequestId">The id of the event that the device asked with first.</param>
internal sealed record TokenPassing(byte[] Proof, string RequestId);

/// <summary>The device that used a token first; with what is passed on, where the root has to agree.</summary>
internal sealed record TokenReservation(AgentCard Card, string? Label, ImmutableArray<DeviceEndpoint> Endpoints, DateTimeOffset At, TokenPassing? Passing = null)
{
    internal bool IsFor(AgentCard card) => card.PublicKey.AsSpan().SequenceEqual(Card.PublicKey);
}

/// <summary>A pair token as it is at rest, wherever that is.</summary>
internal sealed record StoredToken
{
    internal required string Hash { get; init; }

    /// <summary>The DID of the identity that it adds a device to.</summary>
    internal required string Principal { get; init; }

    internal string? Label { get; init; }

    /// <summary>Seconds since 1970.</summary>
    internal required long IssuedAt { get; init; }

    /// <summary>Seconds since 1970: from then on it is dead.</summary>
    internal required long ExpiresAt { get; init; }

    internal required DeviceRights Rights { get; init; }

    internal PairTokenState State { get; init; }

    internal GivenGrant? Grant { get; init; }

    internal TokenReservation? Reservation { get; init; }

    internal WireJson? Answer { get; init; }

    /// <summary>True while it stands in the file that other programs read.</summary>
    internal bool IsPlain { get; init; }

    /// <summary>True for a token that says nothing that the other program's file could not hold.</summary>
    internal bool CanBePlain => Rights == DeviceRights.All && Grant is null && Reservation is null && PrincipalId is not null;

    /// <summary>The principal as the other program's file has it; null for a DID that does not fit there.</summary>
    internal string? PrincipalId =>
        Principal.StartsWith(DidPrefix, StringComparison.Ordinal) && PairTokenFile.IsPrincipal(Principal[DidPrefix.Length..]) ? Principal[DidPrefix.Length..] : null;

    internal bool IsDeadAt(long seconds) => ExpiresAt <= seconds;

    internal static StoredToken Of(PairTokenRecord record, bool isUsable) => new()
    {
        Hash = record.TokenHash,
        Principal = DidPrefix + record.Principal,
        Label = record.Label,
        IssuedAt = record.IssuedAt,
        ExpiresAt = record.ExpiresAt,
        Rights = DeviceRights.All,
        State = isUsable ? PairTokenState.Live : PairTokenState.Unusable,
        IsPlain = true,
    };

    internal PairTokenRecord ToRecord() => new(Hash, PrincipalId!, ExpiresAt, IssuedAt, Label);

    private const string DidPrefix = "did:wire:";
}
