using System.Collections.Frozen;
using System.Text.Json;

namespace WirePS;

/// <summary>The broad class of a failure; the names are those of PowerShell's ErrorCategory.</summary>
public enum WireErrorCategory
{
    /// <summary>The machine lacks something.</summary>
    NotInstalled,
    /// <summary>A value that was given is wrong.</summary>
    InvalidArgument,
    /// <summary>Data that was read is wrong.</summary>
    InvalidData,
    /// <summary>The thing is not in the state for it.</summary>
    InvalidOperation,
    /// <summary>There is no such thing.</summary>
    ObjectNotFound,
    /// <summary>It exists already.</summary>
    ResourceExists,
    /// <summary>Somebody else is using it.</summary>
    ResourceBusy,
    /// <summary>The machine or the relay cannot give it now.</summary>
    ResourceUnavailable,
    /// <summary>The network or the relay failed.</summary>
    ConnectionError,
    /// <summary>The time is over.</summary>
    OperationTimeout,
    /// <summary>It was ended on purpose.</summary>
    OperationStopped,
    /// <summary>The file system failed.</summary>
    WriteError,
    /// <summary>Reading failed.</summary>
    ReadError,
    /// <summary>A check of security failed.</summary>
    SecurityError,
    /// <summary>Rights are missing.</summary>
    PermissionDenied,
    /// <summary>The other side broke the protocol.</summary>
    ProtocolError,
    /// <summary>The limit is reached.</summary>
    LimitsExceeded,
}

/// <summary>One entry of the catalogue: class, meaning, and what to do next.</summary>
public sealed record WireErrorEntry(WireErrorCategory Category, string Meaning, string Action);

/// <summary>Meaning and advice of every <see cref="WireReason"/>; docs/errors.md shows the same to people.</summary>
public static class WireErrorCatalogue
{
    private static readonly FrozenDictionary<WireReason, WireErrorEntry> Entries = new Dictionary<WireReason, WireErrorEntry>
    {
        [WireReason.SodiumUnavailable] = new(WireErrorCategory.NotInstalled, "The cryptography library libsodium could not be loaded.", "Install it: 'apt-get install libsodium23' on Debian or Ubuntu, 'dnf install libsodium' on Fedora, 'apk add libsodium' on Alpine, 'brew install libsodium' on macOS."),
        [WireReason.SodiumSelfTestFailed] = new(WireErrorCategory.SecurityError, "The libsodium of this machine failed the self-test: it accepts curve points that it must refuse (CVE-2025-69277), or gives wrong answers.", "Update libsodium from your distribution; nothing works with this one."),

        [WireReason.HomeInUse] = new(WireErrorCategory.ResourceBusy, "This home is used by another program.", "Give another home with -WireHome or $env:WIRE_HOME, or stop that program."),
        [WireReason.FileNotPrivate] = new(WireErrorCategory.SecurityError, "A file that holds secrets can be read by other users.", "Find out who could have read it; if nobody, restrict it with 'chmod 600' (folders 'chmod 700') and try again."),
        [WireReason.FileForeignOwner] = new(WireErrorCategory.SecurityError, "A file of this home belongs to another user.", "Use a home of your own, or give the file back to the user that runs this."),
        [WireReason.FileCorrupt] = new(WireErrorCategory.InvalidData, "A file of this home is not in the form that WirePS writes.", "Restore it from a backup, or move it away; WirePS left it untouched."),
        [WireReason.FileUnreadable] = new(WireErrorCategory.ReadError, "A file of this home could not be read.", "Check the rights of the file and its folder, and the disk."),
        [WireReason.FileNewerVersion] = new(WireErrorCategory.InvalidData, "A file of this home was written by a newer WirePS.", "Update WirePS; the file was left as it is."),
        [WireReason.StorageFull] = new(WireErrorCategory.WriteError, "The disk is full; nothing was changed.", "Free some room and try again; the daemon goes on by itself."),
        [WireReason.StorageFailed] = new(WireErrorCategory.WriteError, "A file could not be written; what was there before is still there.", "Check the rights of the folder, and the disk."),
        [WireReason.LockTimeout] = new(WireErrorCategory.ResourceBusy, "Another process held a lock of this home for too long.", "Try again; if it stays so, look for a process that hangs with 'Get-WireDaemon'."),
        [WireReason.JournalTampered] = new(WireErrorCategory.SecurityError, "The journal's chain of hashes is broken.", "Compare with a backup: a line was changed, removed or added outside WirePS."),

        [WireReason.InvalidHandle] = new(WireErrorCategory.InvalidArgument, "The handle is not allowed.", "Use 2 to 32 of a-z, 0-9, '-' and '_', starting with a letter or digit, not reserved, and not ending in '-' and eight hex digits."),
        [WireReason.IdentityExists] = new(WireErrorCategory.ResourceExists, "This home has an identity already.", "Use it ('Get-WireIdentity'), or give another home with -WireHome."),
        [WireReason.IdentityIncomplete] = new(WireErrorCategory.InvalidData, "The identity of this home does not fit together: the card is not that of the private key.", "Restore config/wire from a backup."),
        [WireReason.InvalidCard] = new(WireErrorCategory.SecurityError, "An agent card did not pass its checks.", "Do not trust it; ask the other side for the card again."),
        [WireReason.CardOutdated] = new(WireErrorCategory.SecurityError, "A card came that is older than one already seen of the same peer.", "It was not taken. If it goes on, the relay holds newer cards back: use another one, or ask the peer."),
        [WireReason.CardForked] = new(WireErrorCategory.SecurityError, "A card came that does not follow the one known of the same peer.", "It was not taken. Ask the peer whether its home was copied or restored from a backup; if not, its key may be stolen."),
        [WireReason.InvalidEvent] = new(WireErrorCategory.SecurityError, "An event did not pass its checks.", "It was not acted on; ask the sender to send it again."),
        [WireReason.InvalidJson] = new(WireErrorCategory.InvalidData, "The text is not JSON of the kind that wire programs accept.", "Ask the sender; the text was not acted on."),

        [WireReason.InvalidLength] = new(WireErrorCategory.InvalidArgument, "A code has twelve symbols; only one of protocol v1 has eight, and begins with two digits.", "Compare with what the other side reads out; type it as XXXX-XXXX-XXXX, one of protocol v1 as NN-XXXXXX."),
        [WireReason.InvalidSymbol] = new(WireErrorCategory.InvalidArgument, "The code has a symbol that no code has.", "Codes use A-Z and 2-7, those of protocol v1 two digits 0-9 in front; compare with what the other side reads out."),
        [WireReason.MistypedCode] = new(WireErrorCategory.InvalidArgument, "The code's check symbol does not fit: it was mistyped.", "Compare with what the other side reads out."),
        [WireReason.CodeUsed] = new(WireErrorCategory.ResourceExists, "This home has a pairing with this code already.", "Use that pairing ('Get-WirePendingPair'), or make a new code."),
        [WireReason.InvalidDigits] = new(WireErrorCategory.InvalidArgument, "The digits are six digits; nothing was changed.", "Type the six digits that the other side reads out, quoted: -Digits '012-345'."),
        [WireReason.DigitsRequired] = new(WireErrorCategory.InvalidArgument, "Nobody is here to type the digits, so nothing was confirmed.", "Compare with the other side and give its six digits: Confirm-WirePair -Code … -Digits '012-345'."),

        [WireReason.OwnDigits] = new(WireErrorCategory.InvalidArgument, "Those are this side's own digits; nothing was changed.", "Type the six digits that the other side reads out. Yours are the ones to read out to them."),
        [WireReason.WrongCode] = new(WireErrorCategory.SecurityError, "The other end of the pairing does not know the code: somebody between the two tried one.", "Nothing was given away. Make a new code, over another relay if it happens again."),
        [WireReason.CommitmentMismatch] = new(WireErrorCategory.SecurityError, "The other end of the pairing did not keep to what it had committed to.", "Somebody may sit between the two machines. Make a new code, over another relay if it happens again."),
        [WireReason.SasMismatch] = new(WireErrorCategory.SecurityError, "The digits of the two sides differ; the pairing was ended.", "Somebody may sit between the two machines. Make a new code, and tell it over a channel you trust."),
        [WireReason.SelfPairing] = new(WireErrorCategory.SecurityError, "The other side presented this home's own messages or identity.", "Check that two different homes take part; otherwise the relay interferes: use another one."),
        [WireReason.Cancelled] = new(WireErrorCategory.OperationStopped, "The pairing was stopped.", "Make a new code with 'New-WirePair'."),
        [WireReason.Expired] = new(WireErrorCategory.OperationTimeout, "The pairing's time was over before both sides had confirmed.", "Make a new code with 'New-WirePair'; -ExpiresIn gives more time."),
        [WireReason.Crowded] = new(WireErrorCategory.SecurityError, "Somebody else has already taken this side of the pairing.", "Ask who else has the code. Make a new one and tell it to one person only."),
        [WireReason.InvalidShare] = new(WireErrorCategory.SecurityError, "The other side sent a key-exchange message that no honest program sends.", "Somebody may sit between the two machines. Make a new code, over another relay if it happens again."),
        [WireReason.ProtocolError] = new(WireErrorCategory.ProtocolError, "The other side sent something that is not part of the protocol.", "Check that both sides run the same protocol; make a new code."),
        [WireReason.IdentityMismatch] = new(WireErrorCategory.SecurityError, "The identity that the other side presented does not hold together.", "Do not trust it. Make a new code, and check with the other side which program it runs."),
        [WireReason.IdentityConflict] = new(WireErrorCategory.SecurityError, "Another key is already trusted under the same name.", "Compare both fingerprints with the other side ('Get-WirePeer'). If the old one is gone for good, 'Remove-WirePeer' it: the pairing then goes on by itself."),
        [WireReason.RelayLostReply] = new(WireErrorCategory.ConnectionError, "The relay took the opening of the pairing, but its answer was lost, and this relay does not answer twice.", "Make a new code with 'New-WirePair'. A WirePS relay does not have this limit."),
        [WireReason.RelayInterference] = new(WireErrorCategory.SecurityError, "The relay served different messages for the same step, or somebody took this side's place there.", "Do not go on over this relay. Make a new code over another one, and compare the digits carefully."),
        [WireReason.UnsupportedVersion] = new(WireErrorCategory.ProtocolError, "The pairing or the invite uses a protocol that this version does not know.", "Update WirePS on both sides."),
        [WireReason.AbortedRestart] = new(WireErrorCategory.InvalidData, "The pairing's file could not be read back.", "Make a new code with 'New-WirePair'."),

        [WireReason.InvalidInvite] = new(WireErrorCategory.SecurityError, "The text is not an invite, or one that was changed or cut off on its way.", "Copy the whole URL again, from 'wire://pair?' to its end; if that does not help, ask for a new invite."),
        [WireReason.InviteExpired] = new(WireErrorCategory.OperationTimeout, "The invite's time is over.", "Ask its issuer for a new one. If it should still be good, check the clock of this machine."),
        [WireReason.InviteUsedUp] = new(WireErrorCategory.InvalidOperation, "The invite is used up: as many others as it was made for have accepted it.", "Ask its issuer for a new one. If you were meant to be among them, tell the issuer: 'Get-WireInvite' shows there who has used it."),
        [WireReason.InviteNameConflict] = new(WireErrorCategory.SecurityError, "The issuer of the invite knows another key under the name of this home, or has revoked this one.", "Tell the issuer the fingerprint of this home ('Get-WireIdentity'). When it has removed the old one ('Remove-WirePeer'), this goes on by itself; else accept the invite from a home with another name ('Initialize-WireIdentity -Handle')."),
        [WireReason.InviteRevoked] = new(WireErrorCategory.InvalidOperation, "The invite was taken back by its issuer.", "Ask its issuer for a new one."),
        [WireReason.InviteNotFound] = new(WireErrorCategory.ObjectNotFound, "This home has issued no such invite.", "List them with 'Get-WireInvite'; those that are over go after 30 days."),
        [WireReason.OwnInvite] = new(WireErrorCategory.InvalidArgument, "This home has issued the invite itself.", "Give it to another home; 'Get-WireInvite' shows who has accepted it."),

        [WireReason.HandleTaken] = new(WireErrorCategory.ResourceExists, "Somebody else holds this handle at the relay.", "Use another relay, or a home with another handle ('Initialize-WireIdentity'). If it is yours, release it from the home that claimed it ('Unregister-WireHandle')."),
        [WireReason.HandleNotFound] = new(WireErrorCategory.ObjectNotFound, "Nobody has this handle at the relay.", "Compare it with what the peer says, with its relay; 'Find-WirePeer -Relay …' lists those who let themselves be listed."),

        [WireReason.TrustRequestNotFound] = new(WireErrorCategory.ObjectNotFound, "There is no such trust request.", "List them with 'Get-WireTrustRequest'. A request goes when it is decided, after 30 days, or when its sender repeats it: look at the new one."),
        [WireReason.NotATrustRequest] = new(WireErrorCategory.InvalidOperation, "That is a pairing with a code: it is confirmed by its digits, not approved.", "Compare the digits and use 'Confirm-WirePair'; 'Stop-WirePair' ends it."),
        [WireReason.PeerUnreachable] = new(WireErrorCategory.ConnectionError, "Nothing takes trust requests at this address.", "Ask the other side whether its daemon runs and listens there ('Get-WireDaemon', 'Set-WireTrustPolicy -Listen Any -Port …'), and whether a firewall is between you. A request to a handle, 'handle@relay', needs no open port."),
        [WireReason.InvalidFingerprint] = new(WireErrorCategory.InvalidArgument, "That is no fingerprint: eight groups of four hex digits.", "Copy what '(Get-WireIdentity).Fingerprint' shows on the other side, whole."),
        [WireReason.InvalidAddress] = new(WireErrorCategory.InvalidArgument, "That is no address of the form host:port.", "Give a name or an address and the port that the other side told you, such as 'build.example.org:8444' or '[2001:db8::1]:8444'; without a port it is 444."),
        [WireReason.PortNeedsPrivilege] = new(WireErrorCategory.PermissionDenied, "On most systems only privileged users may listen on ports below 1024, and 444 is one of them.", "Choose another port ('Set-WireTrustPolicy -Listen Any -Port 8444') and tell it to those who ask: 'Request-WireTrust -Address host:8444'. Or let the system allow it, on Linux by 'sysctl net.ipv4.ip_unprivileged_port_start=444'. Do not run the daemon as root for it."),
        [WireReason.PortInUse] = new(WireErrorCategory.ResourceExists, "Another program listens on this port.", "Choose another one with 'Set-WireTrustPolicy -Listen … -Port …'. Each home that listens needs a port of its own."),
        [WireReason.ListenFailed] = new(WireErrorCategory.ResourceUnavailable, "This machine cannot listen there.", "Choose another address or port with 'Set-WireTrustPolicy -Listen … -Port …'."),
        [WireReason.NotAPairing] = new(WireErrorCategory.InvalidOperation, "That is a trust request: it has no digits to confirm.", "Compare the fingerprint, then 'Approve-WireTrust' or 'Deny-WireTrust'."),
        [WireReason.PeerRevoked] = new(WireErrorCategory.SecurityError, "The peer's key was revoked here.", "'Get-WirePeer -IncludeRevoked' shows it; nothing brings it back by itself. If you are sure of it, 'Remove-WirePeer' forgets the revocation, and it can be trusted anew."),
        [WireReason.PeerWithoutRoute] = new(WireErrorCategory.ResourceUnavailable, "The peer has given no address to write to.", "Ask it to pair again, or name it by its handle at a relay: handle@relay."),
        [WireReason.PeerNotWirePS] = new(WireErrorCategory.InvalidOperation, "The other side's program does not know trust requests of this kind.", "Pair with a code ('New-WirePair -Protocol V1') or by an invite."),
        [WireReason.RelayWithoutGrants] = new(WireErrorCategory.SecurityError, "The relay has no grants: an address there would hand the key of this home's whole mailbox to a stranger.", "Use a relay with grants, such as one of your own ('Start-WireRelay'), or pair with a code."),
        [WireReason.TrustedAgentExists] = new(WireErrorCategory.ResourceExists, "The key is in the allowlist under another name, or the allowlist is full.", "List them with 'Get-WireTrustedAgent', and take the other entry out with 'Remove-WireTrustedAgent' first."),
        [WireReason.TrustedAgentNotFound] = new(WireErrorCategory.ObjectNotFound, "The allowlist has no agent of that name.", "List them with 'Get-WireTrustedAgent'."),
        [WireReason.InvalidKey] = new(WireErrorCategory.InvalidArgument, "That is no public key: 32 bytes as base64 with padding or as 64 hex digits, and a good point of the curve.", "Copy the key once more, whole."),

        [WireReason.PairNotFound] = new(WireErrorCategory.ObjectNotFound, "There is no such pairing.", "List them with 'Get-WirePendingPair'; ended ones go after an hour."),
        [WireReason.PairNotReady] = new(WireErrorCategory.InvalidOperation, "The pairing is not at the point where digits are compared.", "Wait with 'Wait-WirePair -For SasReady'."),
        [WireReason.PairActive] = new(WireErrorCategory.InvalidOperation, "The pairing is still going on.", "End it with 'Stop-WirePair' first."),
        [WireReason.PairEnded] = new(WireErrorCategory.InvalidOperation, "The pairing has ended already.", "Remove it with 'Remove-WirePendingPair', or see its peer with 'Get-WirePeer'."),
        [WireReason.PeerNotFound] = new(WireErrorCategory.ObjectNotFound, "There is no such peer.", "List them with 'Get-WirePeer'."),
        [WireReason.PeerAmbiguous] = new(WireErrorCategory.InvalidArgument, "More than one peer fits.", "Name it by its full fingerprint or DID."),
        [WireReason.WaitTimeout] = new(WireErrorCategory.OperationTimeout, "The time to wait is over; the pairing goes on.", "Wait again, or look with 'Get-WirePendingPair'. What comes later is not lost."),

        [WireReason.InvalidMessage] = new(WireErrorCategory.InvalidArgument, "What is to be sent cannot be a message.", "Send text, integers, truth values, lists, hashtables and custom objects; a fraction as text ('0.5'); of other objects what is meant: 'Select-Object Name, Id'."),
        [WireReason.MessageNotFound] = new(WireErrorCategory.ObjectNotFound, "This home has no such message.", "List them with 'Get-WireMessage'; an event that you have as text goes in through the pipeline or -Path."),
        [WireReason.MessageTooLarge] = new(WireErrorCategory.LimitsExceeded, "The message is larger than 64 KiB as JSON.", "Send less, or send a reference to where the data is."),
        [WireReason.RouteMissing] = new(WireErrorCategory.ObjectNotFound, "The peer has given no address to send to.", "Pair again ('New-WirePair'), over a relay that the peer can be reached at."),
        [WireReason.RouteStale] = new(WireErrorCategory.ObjectNotFound, "The peer's mailbox is gone, or no longer takes what comes from here: the peer may have removed this home.", "Ask the peer; if it still wants messages from here, pair again ('New-WirePair')."),
        [WireReason.InvalidConsumer] = new(WireErrorCategory.InvalidArgument, "The consumer's name is not allowed.", "Use 2 to 32 of a-z, 0-9, '-' and '_', starting with a letter or digit."),
        [WireReason.ConsumerBusy] = new(WireErrorCategory.ResourceBusy, "Somebody reads under this consumer's name already.", "End the other 'Receive-WireMessage', or give this one a name of its own with -Consumer; each consumer gets every message once."),

        [WireReason.TokenRefused] = new(WireErrorCategory.PermissionDenied, "The pair token is unknown, expired or used.", "Ask for a new one on a machine that has the identity; a token lives for minutes and works once."),
        [WireReason.TokenNotFound] = new(WireErrorCategory.ObjectNotFound, "There is no such pair token.", "List them with 'Get-WirePairToken', and name it by its label or id; expired ones are gone."),
        [WireReason.TokenStoreUnsupported] = new(WireErrorCategory.InvalidData, "The file of pair tokens was written by another program, or holds what this version does not know.", "It was left as it is. Move etc/pair-tokens.toml away, or use another home."),
        [WireReason.TooManyTokens] = new(WireErrorCategory.LimitsExceeded, "Too many pair tokens are outstanding.", "Remove those that are not needed, or wait until they expire."),
        [WireReason.InvalidTokenLifetime] = new(WireErrorCategory.InvalidArgument, "The lifetime of a pair token is out of range.", "Give whole seconds, from 1 second to 1 hour; without one it is 5 minutes."),
        [WireReason.InvalidLabel] = new(WireErrorCategory.InvalidArgument, "The label is not allowed.", "Use at most 256 bytes of UTF-8 without control characters."),
        [WireReason.InvalidRights] = new(WireErrorCategory.InvalidArgument, "The rights of the device cannot be read.", "Give one or more of add, send and receive, each once."),
        [WireReason.SendRightMissing] = new(WireErrorCategory.PermissionDenied, "This machine is a device that may not send in the name of its identity.", "Send from another machine of the identity, or register this one anew with a token that gives the right send."),
        [WireReason.RightsExceeded] = new(WireErrorCategory.PermissionDenied, "A device cannot be given more rights than the one that admits it.", "Ask for fewer rights, or use a machine that has them and the right to add."),
        [WireReason.PrincipalUnknown] = new(WireErrorCategory.ObjectNotFound, "The identity that the device would belong to is not one of this home.", "Use the home that has the identity, or one of its devices."),
        [WireReason.InvalidDeviceKey] = new(WireErrorCategory.InvalidArgument, "The device's public key is not usable.", "Give 64 hex digits of an Ed25519 key, with or without 'ed25519:' in front."),
        [WireReason.InvalidDeviceProof] = new(WireErrorCategory.SecurityError, "The device did not prove that it holds its key, or proved it for another token or identity.", "Run the registration again on the new device itself. The token was not used."),
        [WireReason.InvalidDeviceUrl] = new(WireErrorCategory.InvalidArgument, "The device URL cannot be read, or was changed on the way.", "Copy it again, whole, from where it was made."),
        [WireReason.DeviceUrlExpired] = new(WireErrorCategory.OperationTimeout, "The device URL has expired.", "Make a new one on a machine that has the identity, and check both clocks."),
        [WireReason.TooManyDevices] = new(WireErrorCategory.LimitsExceeded, "The identity has as many devices as it can have.", "Revoke one that is not used any more."),
        [WireReason.DeviceNotFound] = new(WireErrorCategory.ObjectNotFound, "There is no such device.", "List them with 'Get-WireDevice'."),
        [WireReason.DeviceAmbiguous] = new(WireErrorCategory.InvalidArgument, "More than one device fits.", "Name it by its full fingerprint or DID."),
        [WireReason.DeviceTokenRequired] = new(WireErrorCategory.InvalidOperation, "There is no device URL to register by: nothing was piped in, and nobody is here to be asked.", "Pipe the URL of 'New-WirePairToken' into 'Register-WireDevice', or run it in a console and paste the URL there."),
        [WireReason.DeviceUrlRequired] = new(WireErrorCategory.InvalidOperation, "A bare token does not say where its issuer can be reached.", "Use the URL that 'New-WirePairToken' showed with it. Where the issuer's home is on this machine, name it with -IssuerHome."),
        [WireReason.IssuerNoAnswer] = new(WireErrorCategory.OperationTimeout, "The issuer did not answer before the token expired.", "Start the daemon on the issuer's machine, or run 'Invoke-WireTick' there, make a new token and register again. If 'Get-WireDevice' shows this machine there already, revoke it first."),

        [WireReason.RelayNotConfigured] = new(WireErrorCategory.InvalidArgument, "No relay is set for this home.", "Give -Relay, or set one with 'Set-WireRelay' or $env:WIRE_RELAY; 'Start-WireRelay' runs one here."),
        [WireReason.RelayInvalidUrl] = new(WireErrorCategory.InvalidArgument, "The relay's address is not a usable URL.", "Give it as https://host or https://host:port, without user, path or query."),
        [WireReason.RelayInsecure] = new(WireErrorCategory.SecurityError, "The relay is reached without encryption.", "Use https, or accept the relay as it is with -AllowInsecureRelay; 'Set-WireRelay' makes it the home's own."),
        [WireReason.RelayUnreachable] = new(WireErrorCategory.ConnectionError, "The relay could not be reached.", "Check the address and the network with 'Test-WireRelay'; pairings go on by themselves when it is back."),
        [WireReason.RelayRateLimited] = new(WireErrorCategory.LimitsExceeded, "The relay asks to slow down.", "Nothing to do: it is tried again when the relay allows it."),
        [WireReason.RelayRefused] = new(WireErrorCategory.ConnectionError, "The relay refused the request.", "Check with 'Test-WireRelay' that it is a relay, and its version."),
        [WireReason.RelayBadReply] = new(WireErrorCategory.InvalidData, "What answered is not a relay, or a broken one.", "Check the address with 'Test-WireRelay'."),
        [WireReason.MailboxLost] = new(WireErrorCategory.ObjectNotFound, "The relay no longer knows a mailbox of this home: it has lost its data, or is another one.", "Peers cannot write to it any more; trust itself is not touched. Ask the relay's operator; if the data is gone, pair again or exchange new invites, so that peers get a new address."),
        [WireReason.MailboxFull] = new(WireErrorCategory.ResourceUnavailable, "The peer's mailbox is full.", "It is tried again by itself. The peer's daemon or tick empties the mailbox; tell its owner."),
        [WireReason.EventsDropped] = new(WireErrorCategory.InvalidData, "The relay has dropped events of this home's mailbox before they were read.", "A relay drops what nobody reads for 30 days. Run the daemon, or 'Invoke-WireTick' on a schedule; ask peers to repeat what is missing."),
        [WireReason.RelayWithoutV2] = new(WireErrorCategory.InvalidOperation, "The relay does not serve pairing protocol v2.", "Use another relay, such as one of your own ('Start-WireRelay'). -Protocol V1 works over this one, but lets the relay impersonate the peer."),
        [WireReason.RelayDowngraded] = new(WireErrorCategory.SecurityError, "The relay has served pairing protocol v2 to this home before, and no longer does.", "Do not go on over it before its owner has explained that. 'Set-WireRelay -Forget' then makes this home forget what it knew of the relay."),
        [WireReason.RelayRuntimeMissing] = new(WireErrorCategory.NotInstalled, "The ASP.NET Core runtime that the relay needs is not on this machine.", "Install the ASP.NET Core 10 runtime, or use a relay that runs elsewhere: Set-WireRelay <url>."),
        [WireReason.RelayStartFailed] = new(WireErrorCategory.ResourceUnavailable, "The relay did not start.", "Read its log; the port may be taken."),
        [WireReason.RelayNotRunning] = new(WireErrorCategory.ObjectNotFound, "No relay runs from this home.", "Start one with 'Start-WireRelay'."),

        [WireReason.DaemonRunning] = new(WireErrorCategory.ResourceExists, "A daemon runs for this home already.", "Nothing to do; see 'Get-WireDaemon'."),
        [WireReason.DaemonNotRunning] = new(WireErrorCategory.ObjectNotFound, "No daemon runs for this home.", "Start it with 'Start-WireDaemon', or schedule 'Invoke-WireTick'."),
        [WireReason.DaemonStartFailed] = new(WireErrorCategory.ResourceUnavailable, "The daemon did not become ready.", "Read its log; 'Get-WireDaemon' tells where."),
        [WireReason.DaemonInRemoting] = new(WireErrorCategory.InvalidOperation, "A daemon started in a remoting session would end with it.", "Start it in a local session, or schedule 'Invoke-WireTick' with cron, systemd or the Task Scheduler."),

        [WireReason.InvalidDuration] = new(WireErrorCategory.InvalidArgument, "The duration is out of range.", "A pairing lives from 60 seconds to 7 days, an invite to 30 days: -ExpiresIn 30m, 24h, 2d, or a TimeSpan."),
        [WireReason.ConfirmationRequired] = new(WireErrorCategory.InvalidOperation, "This has to be confirmed, and nobody is here to be asked. Nothing was changed.", "Look at what it is about first (-WhatIf shows it), then run it with -Confirm:$false."),
        [WireReason.WindowTooNarrow] = new(WireErrorCategory.ResourceUnavailable, "The window is too narrow for the QR code.", "Make the window wider or its letters smaller, or make the invite with 'New-WireInvite -Short', or pass the invite on as text: 'Set-Clipboard' takes its URL."),
    }.ToFrozenDictionary();

    /// <summary>The entry of a reason.</summary>
    public static WireErrorEntry Of(WireReason reason) => Entries[reason];

    /// <summary>The ErrorId of a reason: <c>Wire</c> + its name.</summary>
    public static string ToErrorId(this WireReason reason) => "Wire" + reason;

    /// <summary>The form that stands in files, the journal and events: <c>sas_mismatch</c>.</summary>
    public static string ToWire(this WireReason reason) => JsonNamingPolicy.SnakeCaseLower.ConvertName(reason.ToString());

    /// <summary>Reads the snake_case form; false for a reason that this version does not know.</summary>
    public static bool TryParseWire(string? text, out WireReason reason)
    {
        foreach (var known in Entries.Keys)
        {
            if (known.ToWire() == text)
            {
                reason = known;
                return true;
            }
        }

        reason = default;
        return false;
    }
}
