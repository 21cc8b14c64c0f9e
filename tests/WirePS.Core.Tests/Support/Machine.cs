using System.Text;
using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Pairing.V1;
using WirePS.Relay;

namespace WirePS.Tests.Support;

/// <summary>The states of a v1 pairing and what can happen to them, made by real cryptography without any relay, file or clock.</summary>
internal sealed class Machine
{
    public const string Code = "42-WIRE45";
    public const string Url = "https://relay.example.net";
    public const string Slot = "5105105105105105105105105105105a";
    public const string Grant = "6ea6ea6ea6ea6ea6ea6ea6ea6ea6ea6a";
    public const string PairId = "0123456789abcdef0123456789abcdef";
    public const string RelayId = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    public const string OtherRelayId = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    public static readonly string Token = new('7', 64);
    public static readonly DateTimeOffset Created = FakeTime.Start;
    public static readonly TimeSpan Life = TimeSpan.FromHours(24);
    public static readonly DateTimeOffset Expires = Created + Life;
    public static readonly DateTimeOffset Now = Created + TimeSpan.FromMinutes(10);

    public static readonly AgentCard OwnCard = AgentCard.Create(Bytes(1), "own-name");
    public static readonly AgentCard PeerCard = AgentCard.Create(Bytes(2), "peer-name");
    public static readonly V1Protocol Protocol = V1Protocol.Instance;

    private readonly Dictionary<string, PendingPair> _states = new(StringComparer.Ordinal);

    private Machine(PairRole role, bool isOurs)
    {
        Role = role;
        IsOurs = isOurs;
        var requested = Protocol.Create(RequestOf(role, Bytes(10)));
        var peer = Protocol.Create(RequestOf(role == PairRole.Host ? PairRole.Guest : PairRole.Host, Bytes(11)));
        PeerMsg = peer.Messages.Sent["msg"];
        Mailbox = isOurs ? new PairInput.MailboxReady(Slot, null, RelayId) : new PairInput.MailboxReady(Slot, Token, null);
        DateTimeOffset? end = isOurs ? Expires : null;

        var opening = Step(requested, Mailbox);
        var polling = Step(opening, new V1Input.Opened(PairId, end));
        var sasReady = Step(polling, Seen(PeerMsg));
        var confirmed = Step(sasReady, new PairInput.Confirmed(sasReady.Sas!, OwnCard, Bytes(12)));

        // The peer goes the same way, to seal a bootstrap that opens.
        peer = Step(Step(Step(peer, Mailbox), new V1Input.Opened(PairId, end)), Seen(requested.Messages.Sent["msg"]));
        var peerSealed = Step(peer, new PairInput.Confirmed(peer.Sas!, PeerCard, Bytes(13))).Messages.Sent["bootstrap"];
        PeerBootstrap = peerSealed;
        var selfSealed = Step(peer, new PairInput.Confirmed(peer.Sas!, OwnCard, Bytes(14))).Messages.Sent["bootstrap"];
        SelfBootstrap = selfSealed;
        using (var key = V1Secrets.SealKey(sasReady))
        {
            NoCardBootstrap = Convert.ToBase64String(BootstrapSeal.Seal(key.Span, Bytes(15).AsSpan(0, 12), "{\"relay_url\":\"https://x\"}"u8));
            BadCardBootstrap = Convert.ToBase64String(BootstrapSeal.Seal(key.Span, Bytes(16).AsSpan(0, 12), Encoding.UTF8.GetBytes("{\"card\":" + PeerCard.JsonText.Replace("\"Peer-name\"", "\"Someone\"", StringComparison.Ordinal) + "}")));
            NotJsonBootstrap = Convert.ToBase64String(BootstrapSeal.Seal(key.Span, Bytes(17).AsSpan(0, 12), "not json"u8));
        }

        var both = Seen(PeerMsg, PeerBootstrap);
        var posted = Step(confirmed, new V1Input.Posted());
        var ready = Step(posted, both);
        _states["requested"] = requested;
        _states["opening"] = opening;
        _states["opening, answer lost"] = Step(opening, new PairInput.Trouble("The relay did not answer."));
        _states["polling"] = polling;
        _states["polling, to be opened again"] = Step(polling, new V1Input.Gone(isOurs ? OtherRelayId : null));
        _states["sas_ready"] = sasReady;
        _states["sas_ready, peer's bootstrap held"] = Step(sasReady, both);
        _states["confirmed"] = confirmed;
        _states["confirmed, peer's bootstrap held"] = Step(confirmed, both);
        _states["confirmed, posted"] = posted;
        _states["confirmed, to be opened again"] = Step(posted, new V1Input.Gone(isOurs ? OtherRelayId : null));
        _states["confirmed, both there"] = ready;
        _states["confirmed, conflict"] = Step(ready, new PairInput.PinRefused("peer-name"));
        _states["stopping"] = Step(confirmed, new PairInput.Stopped());
        _states["stopping, posted"] = Step(posted, new PairInput.Stopped());
        _states["stopping, both there"] = Step(ready, new PairInput.Stopped());
        _states["paired"] = Step(ready, new PairInput.Pinned());
        _states["paired, acked"] = Step(_states["paired"], Seen(PeerMsg, PeerBootstrap, done: true));
        _states["paired, left"] = Step(Step(_states["paired"], new PairInput.Left(PairLeaving.Finish)), Seen(null, null, done: true));
        _states["paired, to be removed"] = Step(_states["stopping, both there"], new PairInput.Pinned());
        _states["aborted before the relay"] = Step(requested, new PairInput.Stopped());
        _states["aborted, answer lost"] = Step(_states["opening, answer lost"], new PairInput.Stopped());
        _states["aborted"] = Step(sasReady, new PairInput.Stopped());
        _states["aborted, left"] = Step(Step(_states["aborted"], new PairInput.Left(PairLeaving.Abandon)), new PairInput.Left(PairLeaving.RevokeGrant));
    }

    public static IReadOnlyList<Machine> All { get; } =
        [new(PairRole.Host, true), new(PairRole.Guest, true), new(PairRole.Host, false), new(PairRole.Guest, false)];

    public PairRole Role { get; }

    public bool IsOurs { get; }

    public string PeerMsg { get; }

    public string PeerBootstrap { get; }

    /// <summary>A bootstrap of this home's own card, sealed by the other side's session.</summary>
    public string SelfBootstrap { get; }

    public string NoCardBootstrap { get; }

    public string BadCardBootstrap { get; }

    public string NotJsonBootstrap { get; }

    public PairInput.MailboxReady Mailbox { get; }

    public IReadOnlyDictionary<string, PendingPair> States => _states;

    public PendingPair this[string state] => _states[state];

    public static Machine Of(bool isOurs, PairRole role = PairRole.Host) => All.First(m => m.IsOurs == isOurs && m.Role == role);

    public static PendingPair Step(PendingPair pair, PairInput input) => Protocol.Step(pair, input, Now);

    public static PairEffect Next(PendingPair pair) => Protocol.Next(pair, Now);

    public static byte[] Bytes(byte value) => [.. Enumerable.Repeat(value, 32)];

    public V1Input.Seen Seen(string? msg, string? bootstrap = null, bool done = false) =>
        new(new V1PairView(msg, bootstrap, IsOurs ? Expires : null, IsOurs && done));

    /// <summary>Everything that can happen, by name; digits are those of the state.</summary>
    public IEnumerable<(string Name, Func<PendingPair, PairInput> Make)> Inputs()
    {
        yield return ("time is over", _ => new PairInput.TimeIsOver());
        yield return ("right digits", pair => new PairInput.Confirmed(pair.Sas ?? "000000", OwnCard, Bytes(20)));
        yield return ("other digits", pair => new PairInput.Confirmed(pair.Sas == "111111" ? "222222" : "111111", OwnCard, Bytes(20)));
        yield return ("stopped", _ => new PairInput.Stopped());
        yield return ("pinned", _ => new PairInput.Pinned());
        yield return ("pin refused", _ => new PairInput.PinRefused("peer-name"));
        foreach (var what in Enum.GetValues<PairLeaving>())
        {
            yield return ($"left {what}", _ => new PairInput.Left(what));
        }

        yield return ("restored", _ => new PairInput.Restored());
        yield return ("trouble", _ => new PairInput.Trouble("The relay is away."));
        yield return ("trouble over", _ => new PairInput.Trouble(null));
        yield return ("seed drawn", _ => new V1Input.SeedDrawn(Bytes(21), new Grant(Grant, Token)));
        yield return ("lost", _ => new V1Input.Lost());
        yield return ("mailbox", _ => Mailbox);
        yield return ("opened", _ => new V1Input.Opened(PairId, IsOurs ? Expires : null));
        yield return ("role taken", _ => new V1Input.RoleTaken());
        yield return ("seen nothing", _ => Seen(null));
        yield return ("seen message", _ => Seen(PeerMsg));
        yield return ("seen both", _ => Seen(PeerMsg, PeerBootstrap));
        yield return ("seen done", _ => Seen(PeerMsg, PeerBootstrap, done: true));
        yield return ("seen another message", _ => Seen(Convert.ToBase64String(SymmetricSpake2.Message(Encoding.ASCII.GetBytes(Code), ScalarOf(30)))));
        yield return ("seen a bad message", _ => Seen("U" + new string('A', 43)));
        yield return ("seen noise", _ => Seen("*** not base64 ***", "*** neither ***"));
        yield return ("seen own message", pair => Seen(pair.Messages.Sent.GetValueOrDefault("msg") ?? "none"));
        yield return ("seen own bootstrap", pair => Seen(PeerMsg, pair.Messages.Sent.GetValueOrDefault("bootstrap") ?? "none"));
        yield return ("seen own card", _ => Seen(PeerMsg, SelfBootstrap));
        yield return ("seen bootstrap without card", _ => Seen(PeerMsg, NoCardBootstrap));
        yield return ("seen bad card", _ => Seen(PeerMsg, BadCardBootstrap));
        yield return ("seen sealed noise", _ => Seen(PeerMsg, NotJsonBootstrap));
        yield return ("seen unsealed noise", _ => Seen(PeerMsg, Convert.ToBase64String(Bytes(31))));
        yield return ("gone", _ => new V1Input.Gone(IsOurs ? RelayId : null));
        yield return ("gone with its data", _ => new V1Input.Gone(OtherRelayId));
        yield return ("gone, v1 only", _ => new V1Input.Gone(null));
        yield return ("decided", _ => new V1Input.Decided(Seen(PeerMsg, PeerBootstrap).View));
        yield return ("posted", _ => new V1Input.Posted());
        yield return ("post refused", _ => new V1Input.PostRefused());
        yield return ("peer refused", _ => new PairInput.PeerRefused(WireReason.IdentityMismatch));
    }

    private static byte[] ScalarOf(byte seed)
    {
        using var scalar = SymmetricSpake2.ScalarFromSeed(Bytes(seed));
        return scalar.Span.ToArray();
    }

    // The random bytes in the order of PairRequest: id, grant, the grant's token, what the protocol draws from.
    private static PairRequest RequestOf(PairRole role, byte[] seed)
    {
        byte[] id = Convert.FromHexString(new string(role == PairRole.Host ? 'c' : 'd', 32));
        byte[] random = [.. id, .. Convert.FromHexString(Grant), .. Convert.FromHexString(Token), .. seed, .. new byte[PairRequest.RandomBytes - 96]];
        return new(Code, role, Url, OwnCard.PublicKey, random, Created, Expires);
    }
}
