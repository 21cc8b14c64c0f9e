using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Storage;
using WirePS.Trust;

namespace WirePS.Messaging;

/// <summary>
/// Opens messages that were received, for as long as somebody reads: holds the private key, dispose it. What stands in
/// the inbox is checked again, for a file may have been damaged since.
/// </summary>
internal sealed class MessageReader : IDisposable
{
    private const int MaxEventBytes = 512 * 1024;

    private readonly WireHome _home;
    private readonly IFileSystem _files;
    private readonly TrustStore _trust;
    private readonly OwnIdentity _own;
    private Dictionary<string, TrustEntry> _peers = [];

    internal MessageReader(WireHome home, IFileSystem files, TrustStore trust, IdentityStore identity)
    {
        _home = home;
        _files = files;
        _trust = trust;
        _own = identity.Open();
        Refresh();
    }

    /// <summary>Looks again who the peers are.</summary>
    internal void Refresh() =>
        _peers = _trust.ListAll().GroupBy(static p => p.Did, StringComparer.Ordinal).ToDictionary(static g => g.Key, static g => g.First(), StringComparer.Ordinal);

    /// <summary>The message that an entry points to. Never fails for what stands in a file.</summary>
    internal Message Open(ReceivedEntry entry)
    {
        var (body, problem) = BodyOf(entry);
        return new Message(MessageDirection.Received, entry.Id, entry.Peer ?? "", entry.From, entry.At, entry.Timestamp, entry.Type, entry.Kind, entry.Sealed, body, problem) { Device = entry.Device };
    }

    /// <summary>The event that an entry points to; null where it is damaged.</summary>
    internal static SignedEvent? EventOf(WireHome home, IFileSystem files, ReceivedEntry entry)
    {
        try
        {
            if (entry.Peer is null || entry.Length is <= 0 or > MaxEventBytes)
            {
                return null;
            }

            var signed = SignedEvent.Parse(files.ReadPrivateRange(EventIntake.InboxFileOf(home, entry.Peer), entry.Start, entry.Length));
            return signed.EventId == entry.Id && signed.From == (entry.Device ?? entry.From) ? signed : null;
        }
        catch (WireException error) when (error.Reason is WireReason.InvalidJson or WireReason.InvalidEvent or WireReason.InvalidHandle)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _own.Dispose();

    private (WireJson? Body, MessageProblem? Problem) BodyOf(ReceivedEntry entry)
    {
        var signed = EventOf(_home, _files, entry);
        var (key, dhKey) = KeysOf(entry);
        EventKey[]? keys = key is null ? null : [key];
        if (signed is null || signed.Verify(_ => keys) is not (EventVerdict.Valid or EventVerdict.UnknownAgent or EventVerdict.UnknownKey))
        {
            return (null, MessageProblem.Damaged);
        }

        if (signed.Enc is null)
        {
            return (signed.Body ?? WireJson.Null, null);
        }

        return dhKey is null ? (null, MessageProblem.PeerUnknown)
            : _own.TryOpenBody(signed, dhKey, out var body) ? (body, null)
            : (null, MessageProblem.NotOpened);
    }

    // A device's keys stand with its messages; they count for as long as its identity is known here.
    private (EventKey? Key, byte[]? DhKey) KeysOf(ReceivedEntry entry) =>
        _peers.GetValueOrDefault(entry.From) is not { } peer ? (null, null)
        : entry.Device is not { } device ? (peer.EventKey, peer.DhPublicKey)
        : StrictBase64.TryDecode(entry.DeviceKey, Ed25519.PublicKeyBytes, out var key) && StrictBase64.TryDecode(entry.DeviceDhKey, X25519.PublicKeyBytes, out var dhKey)
            ? (new EventKey(Fingerprint.KeyId(WireDid.DisplayHandle(device), key), entry.DeviceKey), dhKey)
            : (null, null);
}
