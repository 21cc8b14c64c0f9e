using WirePS.Tests.Support;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using WirePS.Cryptography;
using WirePS.Pairing;
using WirePS.Pairing.V2;

namespace WirePS.Simulation.World;

/// <summary>
/// What must hold after every write and at every send of a side (pairing-v2.md, «What v2 promises», §4, §6). Looks into the
/// bytes that are on the disk, as a thief or a new process would.
/// </summary>
internal sealed class Promises(SimSide side)
{
    private readonly Dictionary<string, Story> _stories = new(StringComparer.Ordinal);
    private V2Protocol? _protocol;

    /// <summary>The pairing that the schedule is about; its id.</summary>
    public string MainId { get; set; } = "";

    public Story? Main => _stories.GetValueOrDefault(MainId);

    public PendingPair? Pair => Main?.Last;

    /// <summary>The number that this side has shown, once it has.</summary>
    public string? Number => Main?.Number;

    /// <summary>What this side's person has typed as six digits.</summary>
    public HashSet<string> Typed { get; } = [];

    private SimWorld World => side.World;

    public void OnWritten(string path, byte[] content)
    {
        if (path.StartsWith(side.Home.PendingPairFolder, StringComparison.Ordinal) && PendingPairStore.IsPairFile(path))
        {
            OnPair(path, content);
        }
        else if (path == side.Home.TrustFile)
        {
            OnTrust(content);
        }
    }

    /// <summary>What is sent stands on the disk, and nothing else has ever been sent in its place.</summary>
    public void OnSend(string lookup, int phase, string body)
    {
        var name = V2Work.NameOf(phase);
        var story = _stories.Values.FirstOrDefault(s => s.Lookup == lookup);
        Require(story is not null && story.Sent.TryGetValue(name, out var stored) && stored == body, $"phase {phase} is sent with bytes that were not stored");
        Require(!story!.Carried.TryGetValue(name, out var before) || before == body, $"phase {phase} is sent with other bytes than before");
        story.Carried[name] = body;
    }

    /// <summary>What is left when all is over.</summary>
    public void AtEnd()
    {
        foreach (var story in _stories.Values)
        {
            var pair = story.Last!;
            Require(pair.IsEnded, $"the pairing {pair.Id} has not ended: {pair.Status}");
            Require(pair.Leaving.IsEmpty || !World.IsHonest, $"something is still owed after the end: {string.Join(',', pair.Leaving)}");
            foreach (var (path, content) in side.Disk.Files)
            {
                if (!path.EndsWith(".tmp", StringComparison.Ordinal))
                {
                    story.RequireNoSecrets(this, path, content, withNames: pair.Leaving.IsEmpty);
                }
            }
        }

        var trust = side.Disk.Files[side.Home.TrustFile];
        Require(trust.AsSpan().IndexOf("reserved_for"u8) < 0, "a name is still kept free");
        var engine = new SimProcess(side, null).Engine;
        var verdict = engine.Journal.Verify();
        Require(verdict.Valid, $"the journal does not hold: {verdict.Problem}");
        foreach (var story in _stories.Values)
        {
            var lines = engine.Journal.Read(0).Where(e => e.Kind == "pair" && e.Id == story.Last!.Id && e.To != "removed").ToList();
            var expected = story.Last!.Transitions.Select(static t => (t.From is { } from ? PendingPairStore.NameOf(from) : null, PendingPairStore.NameOf(t.To)));
            Require(lines.Select(static l => (l.From, l.To)).SequenceEqual(expected), $"the journal tells another story: {string.Join(", ", lines.Select(static l => l.To))}");
        }
    }

    private static string? Secret(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private void Require(bool holds, string promise)
    {
        if (!holds)
        {
            throw new BrokenPromiseException($"{side.Name}: {promise}");
        }
    }

    private void OnPair(string path, byte[] content)
    {
        PendingPair pair;
        try
        {
            pair = PendingPairFormat.Read(content, path);
        }
        catch (WireException error)
        {
            throw new BrokenPromiseException($"{side.Name}: its file cannot be read again: {error.Message}", error);
        }

        if (!_stories.TryGetValue(pair.Id, out var story))
        {
            _stories.Add(pair.Id, story = new Story(pair));
        }

        // A restart knows what to do.
        _protocol ??= new V2Protocol(QuickStretcher.Instance, World.Group);
        Require(_protocol.Next(pair, side.Time.GetUtcNow()) is not null, "nothing is to be done next");
        if (story.Last is { } last)
        {
            OnNext(last, pair);
        }

        story.OnPair(this, pair);
        if (!pair.IsEnded)
        {
            OnOpen(pair, content, story);
        }
        else
        {
            OnEnded(path, pair, content, story);
        }

        if (World.IsTraced && story.Last?.Status != pair.Status)
        {
            World.Note(side.Name, $"is {pair.Status}{(pair.Reason is { } reason ? $" ({reason}{(pair.LastError is null ? "" : $"; {pair.LastError}")})" : "")}");
        }

        story.Last = pair;
    }

    private void OnNext(PendingPair last, PendingPair pair)
    {
        // A file that is given its other name has the same content.
        Require(pair.Version == last.Version + 1 || pair.Version == last.Version, $"version {pair.Version} follows {last.Version}");
        Require(last.Transitions.SequenceEqual(pair.Transitions.Take(last.Transitions.Length)), "the past has changed");
        Require(!last.IsEnded || (pair.Status == last.Status && pair.Reason == last.Reason && pair.OutcomeUnknown == last.OutcomeUnknown && pair.EndedAt == last.EndedAt), $"an end has changed: {last.Status} {last.Reason} to {pair.Status} {pair.Reason}");
        Require(!last.PeerAcked || pair.PeerAcked, "an acknowledgement was taken back");
        Require(pair.Status >= last.Status, $"{pair.Status} follows {last.Status}");
    }

    private void OnOpen(PendingPair pair, byte[] content, Story story)
    {
        var hasShare = pair.Role == PairRole.Host ? pair.Messages.Received.ContainsKey("0") : pair.Messages.Received.ContainsKey("1");
        if (hasShare)
        {
            foreach (var secret in story.Early)
            {
                Require(content.AsSpan().IndexOf(secret) < 0, "a secret from before the exchange outlives the peer's share");
            }
        }
        else
        {
            Require(pair.Sas is null && pair.Secrets is { KeyHost: null, KeyGuest: null, PeerSas: null }, "there are keys before there is a share");
        }

        if (pair.Role == PairRole.Guest && !pair.Messages.Received.ContainsKey("0"))
        {
            Require(pair.Messages.Sent.IsEmpty, "a guest has a share to send before it holds the commitment");
        }

        if (pair.Status is PairStatus.SasReady or PairStatus.Confirmed)
        {
            Require(pair.Sas is not null && pair.Secrets is { Proof: null, PeerConfirm: null, OwnSas: null, Scalar: null }, "secrets outlive the proof of the peer");
        }
        else
        {
            Require(pair.Sas is null, "a number is shown before the peer has proven itself");
        }

        Require(pair.Status != PairStatus.Confirmed || World.OthersOf(side).Any(o => o.Promises.Number is { } number && Typed.Contains(number)), "it is confirmed, and nobody typed the other side's number");
        Require(!pair.PeerAcked, "a peer is acknowledged before the pin");
    }

    private void OnEnded(string path, PendingPair pair, byte[] content, Story story)
    {
        Require(pair.Reason is not null || pair.Status == PairStatus.Paired, "it ended without a reason");
        Require(pair is { Code.Length: 0, Sas: null, OurSlotToken: null, EndedAt: not null, Stopping: false } && pair.Messages.Received.IsEmpty, "something outlives the end");
        if (pair.Status == PairStatus.Paired)
        {
            Require(pair.Messages.Sent.Keys.All(static k => k is "0" or "1" or "2" or "3"), "a paired side has something else to send");
            Require(pair.Secrets is null or { Scalar: null, W: null, IdNonce: null, Nonce: null, Proof: null, PeerConfirm: null, OwnSas: null, PeerSas: null }, "secrets outlive the pin");
            Require(pair.Secrets is null || (pair.Role == PairRole.Host ? pair.Secrets.KeyHost : pair.Secrets.KeyGuest) is null, "the own key outlives the pin");
            Require(World.OthersOf(side).Any(static o => o.Promises.Main?.HasConfirmed == true), "it is paired, and the other side has not confirmed");
        }
        else
        {
            Require(pair.Secrets is null && pair.Messages.Sent.Keys.All(static k => k == "9"), "secrets or messages outlive an end without a pin");
        }

        Require(!pair.PeerAcked || World.OthersOf(side).Any(static o => o.Promises.Main?.HasPaired == true), "a peer is acknowledged that has not pinned");
        if (pair.Leaving.IsEmpty)
        {
            Require(pair is { CodeHash.Length: 0, SideToken: null, Secrets: null } && pair.Messages.Sent.IsEmpty, "something outlives what was owed");
        }

        story.RequireNoSecrets(this, path, content, withNames: pair.Leaving.IsEmpty);
    }

    private void OnTrust(byte[] content)
    {
        if (content.AsSpan().IndexOf("\"VERIFIED\""u8) < 0)
        {
            return;
        }

        using var tree = JsonDocument.Parse(content);
        foreach (var entry in tree.RootElement.GetProperty("agents").EnumerateObject())
        {
            if (entry.Value.TryGetProperty("tier", out var tier) && tier.GetString() == "VERIFIED")
            {
                var key = entry.Value.GetProperty("public_keys")[0].GetProperty("key").GetString();
                var peer = World.OthersOf(side).FirstOrDefault(o => StrictBase64.Encode(o.Card.PublicKey) == key);
                Require(peer is not null, "a key is pinned that nobody has");
                Require(peer!.Promises.Main?.HasConfirmed == true, "a key is pinned whose owner has not confirmed");
                Require(peer.Promises.Number is { } number && Typed.Contains(number), "a key is pinned that nobody here has confirmed");
            }
        }
    }

    /// <summary>One pairing of this side, as far as it has come.</summary>
    internal sealed class Story
    {
        private readonly List<(byte[] Bytes, bool IsName)> _secrets = [];

        public Story(PendingPair pair)
        {
            Lookup = pair.CodeHash;
            // The nonce of the host is no secret any more when its share is out.
            Early = [.. new[] { pair.Secrets?.Scalar, pair.Secrets?.W, pair.Secrets?.IdNonce }.Select(Secret).OfType<string>().Select(Encoding.UTF8.GetBytes)];
            Add(pair.Code);
            Add(pair.OurSlotToken);
            Add(pair.CodeHash, isName: true);
            Add(pair.SideToken, isName: true);
            _secrets.AddRange(Early.Select(static e => (e, false)));
        }

        public PendingPair? Last { get; set; }

        public string Lookup { get; }

        public string? Number { get; private set; }

        public bool HasConfirmed { get; private set; }

        public bool HasPaired { get; private set; }

        public IReadOnlyList<byte[]> Early { get; }

        public Dictionary<string, string> Sent { get; } = new(StringComparer.Ordinal);

        public Dictionary<string, string> Carried { get; } = new(StringComparer.Ordinal);

        private Dictionary<string, string> Received { get; } = new(StringComparer.Ordinal);

        public void OnPair(Promises promises, PendingPair pair)
        {
            // What was ever stored to be sent stays what it was: one key and phase seals one text.
            foreach (var (phase, body) in pair.Messages.Sent)
            {
                promises.Require(!Sent.TryGetValue(phase, out var before) || before == body, $"phase {phase} to be sent has changed");
                Sent[phase] = body;
            }

            foreach (var (phase, body) in pair.Messages.Received)
            {
                promises.Require(!Received.TryGetValue(phase, out var before) || before == body, $"phase {phase} received has changed");
                Received[phase] = body;
            }

            promises.Require(pair.IsEnded || (Received.Keys.All(pair.Messages.Received.ContainsKey) && Sent.Keys.All(pair.Messages.Sent.ContainsKey)), "a message was dropped before the end");
            if (pair.Sas is { } number)
            {
                promises.Require(Number is null || Number == number, "its number has changed");
                if (Number is null)
                {
                    Number = number;
                    Add($"\"{number}\"");
                    Add($"\"{pair.Secrets!.PeerSas}\"");
                    Add(pair.Secrets.KeyHost, isName: true);
                    Add(pair.Secrets.KeyGuest, isName: true);
                }
            }

            HasConfirmed |= pair.Messages.Sent.ContainsKey("2") && pair.Status >= PairStatus.Confirmed;
            HasPaired |= pair.Status == PairStatus.Paired;
        }

        /// <summary>None of the secrets stands there; those that name the rendezvous may as long as it owes something.</summary>
        public void RequireNoSecrets(Promises promises, string path, byte[] content, bool withNames)
        {
            foreach (var (secret, isName) in _secrets)
            {
                promises.Require((isName && !withNames) || content.AsSpan().IndexOf(secret) < 0, $"a secret outlives the end in {path}");
            }
        }

        private void Add(string? text, bool isName = false)
        {
            if (Secret(text) is { } secret)
            {
                _secrets.Add((Encoding.UTF8.GetBytes(secret), isName));
            }
        }
    }
}
