using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Simulation.World;
using WirePS.Tests.Support;

namespace WirePS.Simulation.Attacker;

/// <summary>The attacker in the place of a host or a guest: it knows the code, and everything follows from what it chooses.</summary>
internal sealed class ForgedSide : IDisposable
{
    private readonly string _lookup;
    private readonly byte[] _w;
    private readonly byte[] _scalar;
    private readonly byte[] _idNonce;
    private readonly byte[] _nonce;
    private readonly Dictionary<int, string> _said = [];
    private readonly int _identity;

    public ForgedSide(PairRole role, string code, Dice dice, int identity = Adversary.Identity)
    {
        Role = role;
        _identity = identity;
        using var stretched = QuickStretcher.Instance.Stretch(code);
        _lookup = stretched.Lookup;
        _w = stretched.W.Span.ToArray();
        using var scalar = PairingV2.Scalar(Bytes(dice, 64))!;
        _scalar = scalar.Span.ToArray();
        _idNonce = Bytes(dice, 32);
        _nonce = Bytes(dice, 32);
        Share = PairingV2.Share(role, _scalar, _w);
        IdCommit = PairingV2.IdCommit(role, _idNonce, Identities.CardOf(identity).PublicKey);
    }

    public PairRole Role { get; }

    public byte[] Share { get; }

    public byte[] IdCommit { get; }

    public byte[] Nonce => _nonce;

    /// <summary>What it shares with its victim; null before it holds the victim's share.</summary>
    public PairingV2Keys? Keys { get; private set; }

    public static byte[] Bytes(Dice dice, int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i += 8)
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(i), dice.Next());
        }

        return bytes;
    }

    /// <summary>Phase 0: the commitment of a host, the share of a guest.</summary>
    public string First() => Role == PairRole.Host ? V2Messages.Commit(PairingV2.Commit(_lookup, Share, IdCommit, _nonce)) : V2Messages.Share(Share, IdCommit);

    /// <summary>The keys, from what the victim has sent.</summary>
    public void Learn(string victimBody)
    {
        var members = Role == PairRole.Host ? V2Messages.Read(victimBody, "share", "id_commit") : V2Messages.Read(victimBody, "share", "id_commit", "nonce", "confirm", "sealed");
        Keys?.Dispose();
        Keys = ThreeDigits.Instance.Derive(Role, _scalar, _w, Share, members[0], IdCommit, members[1]);
    }

    /// <summary>Phase 1, with its own card and a proof by its own key, or with what it is told to present.</summary>
    public string Second(AgentCard? card = null, byte[]? proof = null, byte[]? idNonce = null)
    {
        card ??= Identities.CardOf(_identity);
        proof ??= Ed25519.Sign(Identities.SeedOf(_identity), PairingV2.ProofText(Role, Keys!.ProofSecret.Span, card.Utf8.Span));
        var sealedCard = Seal(1, V2Messages.CardPlaintext(card, idNonce ?? _idNonce, proof, SimClock.Start + TimeSpan.FromHours(24)));
        return Role == PairRole.Host
            ? V2Messages.HostReveal(Share, IdCommit, _nonce, Keys!.ConfirmHost, sealedCard)
            : V2Messages.GuestReveal(Keys!.ConfirmGuest, sealedCard);
    }

    /// <summary>Phases 2 and 3, without any person.</summary>
    public string Accept() => Said(2, V2Messages.AcceptPlaintext(FakeRelay.DefaultUrl, new string('6', 32), new string('7', 64)));

    public string Ack() => Said(3, V2Messages.AckPlaintext);

    public void Dispose() => Keys?.Dispose();

    private string Said(int phase, byte[] plaintext)
    {
        if (!_said.TryGetValue(phase, out var body))
        {
            _said.Add(phase, body = V2Messages.Sealed(Seal(phase, plaintext)));
        }

        return body;
    }

    private byte[] Seal(int phase, byte[] plaintext) =>
        PairingV2.Seal(Role == PairRole.Host ? Keys!.KeyHost.Span : Keys!.KeyGuest.Span, _lookup, Role, phase, plaintext);
}
