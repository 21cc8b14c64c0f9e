using WirePS.Cryptography;
using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Trust;

namespace WirePS.Module.Output;

/// <summary>What people are told during a pairing, in one place: what the two sides say to each other depends on the protocol.</summary>
internal static class PairWords
{
    /// <summary>Said to whoever makes a code of protocol 1.</summary>
    internal const string V1Risk = "Protocol 1 does not protect against the relay: it can work out the code and take the place of the other side, with equal digits on both screens. Use it only for a peer whose program knows nothing else, over a relay that you trust, and compare the fingerprints of both keys afterwards.";

    /// <summary>Asks for the digits.</summary>
    internal const string DigitsQuestion = "Type the six digits that the other side reads out";

    /// <summary>Said to the guest of a foreground pairing.</summary>
    internal const string Joined = "Waiting for the other side.";

    /// <summary>Said when the digits fit.</summary>
    internal const string Confirmed = "The digits fit. Waiting until the other side confirms too.";

    /// <summary>Said where a foreground pairing has nobody to ask.</summary>
    internal const string NobodyHere = "Nobody is here to compare the digits, so no pairing was begun. Use New-WirePair -Detach, and Confirm-WirePair -Digits when they have been compared.";

    /// <summary>Said when a person leaves a foreground pairing.</summary>
    /// <param name="pair">The pairing.</param>
    /// <param name="isDefaultRelay">True where the home uses its relay without being told.</param>
    internal static string Left(PendingPair pair, bool isDefaultRelay) =>
        $"The pairing goes on{(pair.Role == PairRole.Host ? $". {ToTell(pair, isDefaultRelay)}. A" : $" with the code {Code(pair.Code)}: a")} daemon (Start-WireDaemon) or Invoke-WireTick takes it further, Get-WirePendingPair shows it, Stop-WirePair ends it.";

    /// <summary>A code as people read it out; the canonical form of a code of protocol 2 has no dashes.</summary>
    internal static string Code(string canonical) =>
        canonical.Length == PairingCode.SymbolCount ? PairingCode.Display(canonical) : canonical;

    /// <summary>What the host is to read out.</summary>
    internal static string ToTell(PendingPair pair, bool isDefaultRelay) =>
        $"Tell the other side: {Code(pair.Code)}{(isDefaultRelay ? "" : $", relay {pair.RelayUrl}")}";

    /// <summary>The digits, as they are to be compared, and who claims to be on the other side where that is known already (protocol 2).</summary>
    /// <param name="pair">The pairing.</param>
    /// <param name="peerKey">What is known here of the peer's key.</param>
    internal static string Compare(PendingPair pair, PeerKeyFamiliarity? peerKey)
    {
        var digits = $"Your six digits are {ShortAuthenticationString.Display(pair.Sas!)}. Read them out to the other side, and have its digits read out to you.";
        return pair.PeerFingerprint is null
            ? digits
            : $"The other side calls itself '{Printable.Of(pair.PeerHandle)}'; the fingerprint of its key is {pair.PeerFingerprint}. {Familiar(peerKey)}{Environment.NewLine}{digits}";
    }

    /// <summary>What is known here of the key that the peer presents; nothing where there is nothing to decide.</summary>
    internal static PeerKeyFamiliarity? PeerKeyOf(PendingPair pair, WireEngine engine) =>
        pair is { IsEnded: false, PeerFingerprint: { } fingerprint } ? engine.Peers.FamiliarityOf(pair.PeerHandle, pair.PeerDid, fingerprint) : null;

    private static string Familiar(PeerKeyFamiliarity? peerKey) => peerKey switch
    {
        PeerKeyFamiliarity.Known => "This key is trusted here already.",
        PeerKeyFamiliarity.Different => "Under this name ANOTHER key is trusted here: it cannot be confirmed until that peer has been removed.",
        PeerKeyFamiliarity.Revoked => "This key was REVOKED here: it cannot be confirmed until that peer has been removed.",
        _ => "This key is new here.",
    };

    /// <summary>What is to be done next by the person on this side.</summary>
    internal static string Next(PendingPair pair, bool isDefaultRelay = true) =>
        pair is { IsEnded: false, LastError: not null, Reason: null } ? $"{Step(pair, isDefaultRelay)} (trouble, tried again: see LastError)" : Step(pair, isDefaultRelay);

    private static string Step(PendingPair pair, bool isDefaultRelay) => InviteWords.Next(pair) ?? DeviceWords.Next(pair) ?? pair.Status switch
    {
        PairStatus.RequestHost or PairStatus.Polling when pair.Role == PairRole.Host => isDefaultRelay ? "Tell the other side the code" : $"Tell the other side the code and the relay {pair.RelayUrl}",
        _ when V2Protocol.IsWaitingForHost(pair) => "Wait for the other side; if it is there already, compare the code",
        PairStatus.RequestGuest or PairStatus.RequestHost or PairStatus.Polling => "Wait for the other side",
        PairStatus.SasReady when pair.Crowded => "Somebody else tried to take part: compare the digits with care, then Confirm-WirePair -Digits",
        PairStatus.SasReady => "Compare the digits, then Confirm-WirePair -Digits",
        PairStatus.Confirmed when pair.Stopping => "Wait: the relay has to say whether the stop came in time",
        PairStatus.Confirmed when pair.Reason is { } reason => WireErrorCatalogue.Of(reason).Action,
        PairStatus.Confirmed => "Wait until the other side confirms",
        PairStatus.Paired => "Done: Get-WirePeer shows the peer",
        _ when pair.OutcomeUnknown => "Ask the other side whether it has paired; if so, both remove the peer and begin anew",
        _ => WireErrorCatalogue.Of(pair.Reason ?? WireReason.AbortedRestart).Action,
    };
}
