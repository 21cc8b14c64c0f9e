using WirePS.Pairing;

namespace WirePS.Module.Output;

/// <summary>What people are told about devices, in one place.</summary>
internal static class DeviceWords
{
    /// <summary>Asks for the URL.</summary>
    internal const string UrlQuestion = "Paste the device URL (it is not shown)";

    /// <summary>Asks for what is missing of a URL that had a line break in it.</summary>
    internal const string UrlRest = "and the rest";

    /// <summary>Said when a token is removed that a device has used.</summary>
    internal static string StaysAdded(string did) =>
        $"The device {did} has used this token already and stays a device. Revoke-WireDevice takes it away.";

    /// <summary>Said when Ctrl+C leaves a registration waiting.</summary>
    internal static string Left(string id) =>
        $"The registration {id} goes on: a daemon (Start-WireDaemon) or Invoke-WireTick takes it further, Get-WirePendingPair shows it, Stop-WirePair ends it.";

    /// <summary>What is to be done next by the person on the new machine; null where there is nothing particular to say.</summary>
    internal static string? Next(PendingPair pair) => pair switch
    {
        { Kind: not PairKinds.Device } => null,
        { Status: PairStatus.Paired } => "Done: Get-WireDevice shows what this machine is a device of",
        { IsEnded: true, OutcomeUnknown: true } => WireErrorCatalogue.Of(pair.Reason ?? WireReason.IssuerNoAnswer).Action,
        { IsEnded: true } => null,
        { Reason: { } reason } => WireErrorCatalogue.Of(reason).Action,
        { Status: PairStatus.Polling } => "Wait for the issuer: its daemon or tick has to run before the token expires",
        _ => "Wait until the relay has the request",
    };
}
