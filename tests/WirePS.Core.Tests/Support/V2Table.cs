using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Relay;

namespace WirePS.Tests.Support;

/// <summary>Two sides of a v2 pairing at one relay, machines only: no files, no processes, real arithmetic.</summary>
internal sealed class V2Table
{
    public const string Code = "AAAAAAAAAAAA";
    public static readonly string OtherCode = PairingCode.Generate(new PinnedRandom(5));
    public static readonly TimeSpan Life = TimeSpan.FromHours(24);

    public V2Table(byte seed = 1, bool isSelf = false, string? guestCode = null)
    {
        Relay = new FakeRelay(Time);
        Host = Side(PairRole.Host, Code, seed);
        Guest = Side(PairRole.Guest, guestCode ?? Code, isSelf ? seed : (byte)(seed + 1));
    }

    public FakeTime Time { get; } = new();

    public FakeRelay Relay { get; }

    public V2Driver Host { get; }

    public V2Driver Guest { get; }

    public V2Protocol Machine { get; } = new(QuickStretcher.Instance, Edwards25519PairingGroup.Instance);

    public V2Driver Of(PairRole role) => role == PairRole.Host ? Host : Guest;

    public V2Driver Other(PairRole role) => role == PairRole.Host ? Guest : Host;

    public V2Driver Side(PairRole role, string code, byte seed)
    {
        byte[] key = [.. Enumerable.Repeat(seed, 32)];
        var card = AgentCard.Create(key, $"peer-{(char)('a' + seed)}");
        var random = new byte[PairRequest.RandomBytes];
        new PinnedRandom((seed * 10) + (int)role).Fill(random);
        var pair = Machine.Create(new PairRequest(code, role, FakeRelay.DefaultUrl, card.PublicKey, random, Time.GetUtcNow(), Time.GetUtcNow() + Life));
        return new V2Driver(Machine, card, key, Relay.ConnectionsOf(role.ToString()).To(FakeRelay.DefaultUrl).V2Pairs, pair);
    }

    public void Advance(TimeSpan by)
    {
        Time.Advance(by);
        Host.Now = Guest.Now = Time.GetUtcNow();
    }

    /// <summary>Both go on by turns.</summary>
    public V2Table Go(int turns = 4)
    {
        for (var i = 0; i < turns; i++)
        {
            Host.Run();
            Guest.Run();
        }

        return this;
    }

    /// <summary>A side's state of the time when it first had a number.</summary>
    public V2Table Numbers() => Go();

    public V2Table Confirm(PairRole role)
    {
        Of(role).Type(Other(role).Number!);
        return this;
    }

    public V2Table Confirmed() => Numbers().Confirm(PairRole.Host).Confirm(PairRole.Guest);

    public V2Table Paired() => Confirmed().Go();

    /// <summary>What the relay would say of the other side's messages.</summary>
    public static V2Input.Seen Seen(V2Driver side, V2State state, string? reason, params IEnumerable<(int Phase, string Body)> messages) =>
        new(new V2View(null, state, reason, side.Pair.ExpiresAt, false, [.. Enumerable.Range(0, Math.Max(0, side.Pair.Posted + 1))], [.. messages.Select(static m => new V2Message(m.Phase, m.Body))]), V2Driver.RelayId, side.Own);
}
