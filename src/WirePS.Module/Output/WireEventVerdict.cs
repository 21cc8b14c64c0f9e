using WirePS.Identity;
using WirePS.Messaging;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Module.Output;

/// <summary>What checking an event found. What the event says of itself is its claim, unless it is valid.</summary>
public sealed class WireEventVerdict
{
    /// <summary>True where a known and unrevoked key has signed exactly this; nothing where there is no signature to check, of a message that was sent from here.</summary>
    public bool? Valid { get; init; }

    /// <summary>What the check came to, as a name of <see cref="EventVerdict"/>; <c>Revoked</c>, <c>NoEvent</c> and <c>Sent</c> beside those.</summary>
    public required string Verdict { get; init; }

    /// <summary>The same in words.</summary>
    public required string Reason { get; init; }

    /// <summary>The id that it claims.</summary>
    public string? Id { get; init; }

    /// <summary>Whom it claims to come from.</summary>
    public string? From { get; init; }

    /// <summary>The peer's name here; nothing where nobody of that DID is known.</summary>
    public string? Peer { get; init; }

    /// <summary>The DID of the peer's device that has signed it in the peer's name; nothing where the peer's own key has.</summary>
    public string? Device { get; init; }

    /// <summary>The fingerprint of the key that it was checked against.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The key that it claims to be signed with.</summary>
    public string? KeyId { get; init; }

    /// <summary>How far the sender is trusted, as a name of <see cref="TrustTier"/>.</summary>
    public string? Tier { get; init; }

    /// <summary>Whom it is addressed to.</summary>
    public string? To { get; init; }

    /// <summary>True where that is this home.</summary>
    public bool IsForThisHome { get; init; }

    /// <summary>The name of its type.</summary>
    public string? Type { get; init; }

    /// <summary>Its kind.</summary>
    public long Kind { get; init; }

    /// <summary>True where its body is sealed.</summary>
    public bool Sealed { get; init; }

    /// <summary>When it says that it was made.</summary>
    public DateTime? MadeAt { get; init; }

    /// <summary>The home.</summary>
    public required string WireHome { get; init; }

    internal static WireEventVerdict Of(EventFinding finding, WireEngine engine)
    {
        var own = finding.IsOwn ? engine.Identity.Find() : null;
        return new WireEventVerdict
        {
            Valid = finding.IsValid,
            Verdict = VerdictOf(finding),
            Reason = Words(finding),
            Id = Printable.Of(finding.Event?.EventId),
            From = Printable.Of(finding.Event?.From),
            Peer = Printable.Of(finding.Sender?.Handle ?? own?.Handle),
            Device = Printable.Of(finding.Device?.Did),
            Fingerprint = finding.Device?.Fingerprint ?? finding.Sender?.Fingerprint ?? own?.Fingerprint,
            KeyId = Printable.Of(finding.Event?.Json.GetString("public_key_id")),
            Tier = finding.Sender?.Tier.ToString() ?? (own is null ? null : nameof(TrustTier.Attested)),
            To = Printable.Of(finding.Event?.To),
            IsForThisHome = finding.IsForThisHome,
            Type = Printable.Of(finding.Event?.Type),
            Kind = finding.Event?.Kind ?? 0,
            Sealed = finding.Event?.Enc is not null,
            MadeAt = Timestamps.TryParse(finding.Event?.Json.GetString("timestamp"), out var time) ? time.LocalDateTime : null,
            WireHome = engine.Home.Root,
        };
    }

    internal static WireEventVerdict Of(SentEntry sent, WireEngine engine)
    {
        var own = engine.Identity.Find();
        return new WireEventVerdict
        {
            Verdict = "Sent",
            Reason = "This home has sent it and keeps no signed copy: whoever received it can check it.",
            Id = Printable.Of(sent.Id),
            From = Printable.Of(own?.Did),
            Peer = Printable.Of(own?.Handle),
            Fingerprint = own?.Fingerprint,
            To = Printable.Of(sent.To),
            Type = Printable.Of(sent.Type),
            Kind = sent.Kind,
            Sealed = sent.Sealed,
            MadeAt = sent.Timestamp.LocalDateTime,
            WireHome = engine.Home.Root,
        };
    }

    /// <summary>The verdict.</summary>
    public override string ToString() => Verdict;

    private static string VerdictOf(EventFinding finding) =>
        finding.Event is null ? "NoEvent" : finding is { Verdict: EventVerdict.Valid, IsValid: false } ? nameof(EventRefusal.Revoked) : finding.Verdict.ToString();

    private static string Words(EventFinding finding) => (finding.Event, finding.Verdict) switch
    {
        (null, _) => "This is not the JSON text of an event.",
        (_, EventVerdict.Valid) => finding.IsValid ? "A known key has signed exactly this." : "A key has signed this that was revoked here.",
        (_, EventVerdict.MissingFrom) => "It does not say whom it comes from.",
        (_, EventVerdict.MissingKeyId) => "It does not say which key it is signed with.",
        (_, EventVerdict.MissingSignature) => "It has no signature.",
        (_, EventVerdict.MissingEventId) => "It has no id.",
        (_, EventVerdict.IdMismatch) => "Its id is not that of its content: it was changed after it was signed.",
        (_, EventVerdict.UnknownAgent) => "Nobody with the DID that it claims to come from is known here.",
        (_, EventVerdict.UnknownKey) => "The sender is known here with another key.",
        (_, EventVerdict.KeyInactive) => "The sender's key is no longer active.",
        (_, EventVerdict.MissingKey or EventVerdict.DecodeFailed) => "Its key or its signature cannot be read.",
        _ => "The signature is not that of the sender's key.",
    };
}
