using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Trust;

namespace WirePS.Devices;

/// <summary>
/// The new machine's side of a pair token (wireps.md §7): its request is a <c>device_redeem</c>, and it pins the identity when it
/// has been admitted.
/// </summary>
public sealed class DeviceProtocol() : MailboxRequestProtocol(PairKinds.Device, 2, new MailboxRequestNames(Redeem, Answer), Times)
{
    /// <summary>The name under which our request stands among what was sent.</summary>
    internal const string Redeem = "redeem";

    /// <summary>The name under which the issuer's answer stands among what was received.</summary>
    internal const string Answer = "answer";

    private const string CardMember = "card";
    private const string RouteMember = "route";

    // A token lives for minutes: a request that was lost must be there again soon. An answer may lie in the mailbox when the end is noticed, and is read right after.
    private static readonly MailboxRequestTimes Times = new(TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(1));

    private protected override MailboxRequestWork.Prepare Prepare => new DeviceWork.Prepare();

    private protected override MailboxRequestWork.Post Post => new DeviceWork.Post();

    private protected override MailboxRequestWork.Pin Pin => new DeviceWork.Pin();

    private protected override WireReason StaleReason => WireReason.TokenRefused;

    private protected override string Way => "this URL";

    private protected override string? LastLookWords => WireErrorCatalogue.Of(WireReason.IssuerNoAnswer).Meaning;

    /// <summary>The first state of a registration.</summary>
    /// <param name="text">The URL.</param>
    /// <param name="url">What it says.</param>
    /// <param name="label">A name for this machine; null for the token's.</param>
    /// <param name="random">Fresh random bytes, <see cref="MailboxRequestProtocol.RandomBytes"/> of them; a secret.</param>
    /// <param name="now">Now.</param>
    internal PendingPair Create(string text, DeviceUrl url, string? label, ReadOnlySpan<byte> random, DateTimeOffset now) =>
        Begin(PrincipalOf(url), PairToken.HashOf(url.Token), url.Endpoints[0].RelayUrl, url.ExpiresAt, random, now) with { DeviceUrl = text, DeviceLabel = label };

    /// <summary>The URL of a registration that has not ended.</summary>
    internal static DeviceUrl UrlOf(PendingPair pair) => DeviceUrl.Parse(pair.DeviceUrl!, DateTimeOffset.UnixEpoch);

    /// <summary>The card of the identity that a URL is about, as it was when the URL was made.</summary>
    internal static AgentCard PrincipalOf(DeviceUrl url) => url.PrincipalCard ?? url.IssuerCard;

    /// <summary>The issuer's answer: the identity's card with this machine on it, and the address that it gave.</summary>
    internal static (AgentCard Card, PeerRoute? Route) AnswerOf(PendingPair pair)
    {
        var answer = WireJson.Parse(pair.Messages.Received[Answer]);
        return (AgentCard.From(answer.GetObject(CardMember)!), answer.GetObject(RouteMember) is { } route ? RouteOf(route) : null);
    }

    /// <summary>True for a file that this machine can go on with.</summary>
    internal static bool IsSound(PendingPair pair) => IsSound(
        pair,
        pair.DeviceUrl,
        static text => DeviceUrl.Parse(text, DateTimeOffset.UnixEpoch),
        static reason => reason is WireReason.InvalidDeviceUrl or WireReason.InvalidCard or WireReason.UnsupportedVersion or WireReason.DeviceUrlExpired);

    private protected override WireJson? AnswerIn(PairInput input)
    {
        if (input is not DeviceAdmitted admitted)
        {
            return null;
        }

        var answer = WireJson.ObjectOf((CardMember, admitted.PrincipalCard.Json));
        return admitted.Route is { } route ? answer.With(RouteMember, ToJson(route)) : answer;
    }

    // An answer that is here is pinned or stands against another pin; nothing more is to come.
    private protected override bool LooksOnceMore(PendingPair pair) => !HasAnswer(pair) && base.LooksOnceMore(pair);

    private protected override WireReason ReasonAtEnd(PendingPair pair) => HasAnswer(pair) ? WireReason.IdentityConflict : WireReason.IssuerNoAnswer;
}
