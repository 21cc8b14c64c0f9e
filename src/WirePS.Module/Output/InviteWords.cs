using System.Globalization;
using WirePS.Invites;
using WirePS.Pairing;

namespace WirePS.Module.Output;

/// <summary>What people are told about invites, in one place.</summary>
internal static class InviteWords
{
    /// <summary>Said to whoever makes an invite of protocol 1.</summary>
    internal const string V1Risk = "An invite of protocol 1 is answered with its bare secret, which the relay can read: it can accept in the place of who was meant. Use it only for those whose program knows nothing else, over a relay that you trust, and compare the fingerprints of both keys afterwards.";

    /// <summary>Said to whoever leaves an invite with the relay.</summary>
    internal static string ShortRisk(DateTimeOffset ends) => string.Create(
        CultureInfo.CurrentCulture,
        $"The relay knows the secret of this invite now, and can accept it in the place of who was meant. The short URL is good until {ends.LocalDateTime:g}; each look at it may use it up.");

    /// <summary>Said when Ctrl+C leaves an accepted invite waiting.</summary>
    internal static string Left(string id) =>
        $"The accepted invite {id} stays as it is: a daemon (Start-WireDaemon) or Invoke-WireTick takes it further, Get-WirePendingPair shows it, Stop-WirePair ends it.";

    /// <summary>What is to be done next by the person who has accepted an invite; null where there is nothing particular to say.</summary>
    internal static string? Next(PendingPair pair) =>
        pair.Kind != PairKinds.Invite || pair.IsEnded ? null
        : pair.Reason is { } reason ? WireErrorCatalogue.Of(reason).Action
        : InviteProtocol.IsWaitingForAck(pair) ? "Wait for the issuer's acknowledgement: its daemon or tick has to run"
        : "Wait until the relay has the answer";
}
