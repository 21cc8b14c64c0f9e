using WirePS.Cryptography;
using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Relay;
using WirePS.Simulation.World;
using WirePS.Tests.Support;

namespace WirePS.Simulation.Attacker;

/// <summary>Breaks off where it does not win, before anybody sees a number, by a word that it forges: to get another try.</summary>
internal sealed class ForgesAborts(string code, Dice dice) : Adversary(code, dice)
{
    private readonly string _how = dice.Of("cancelled", "wrong_code", "expired");

    protected override V2View View(PairRole to, int after)
    {
        var view = base.View(to, after);
        if (AsHost.Keys is null || AsGuest.Keys is null)
        {
            // Both are held until the attacker knows how it would end.
            return view with { Messages = [.. view.Messages.Where(static m => m.Phase == 0)] };
        }

        return FoolsHost || FoolsGuest ? view
            : _how == "expired" ? view with { State = V2State.Expired, Messages = [] }
            : view with { State = V2State.Ended, Reason = _how, Messages = [new V2Message(9, $"{{\"v\":2,\"reason\":\"{_how}\"}}")] };
    }
}

/// <summary>Accepts and acknowledges in the name of the other side before any person has, and calls it decided.</summary>
internal sealed class AcceptsForThem(string code, Dice dice) : Adversary(code, dice)
{
    protected override string? Serve(PairRole to, int phase) => (to, phase) switch
    {
        (PairRole.Guest, 2) when AsHost.Keys is not null => AsHost.Accept(),
        (PairRole.Guest, 3) when AsHost.Keys is not null => AsHost.Ack(),
        (PairRole.Host, 2) when AsGuest.Keys is not null => AsGuest.Accept(),
        (PairRole.Host, 3) when AsGuest.Keys is not null => AsGuest.Ack(),
        _ => base.Serve(to, phase),
    };

    protected override V2PutReply Answer(PairRole from, int phase) => base.Answer(from, phase) with { State = V2State.Decided };

    protected override V2View View(PairRole to, int after) => base.View(to, after) with { State = V2State.Decided };
}

/// <summary>Tries shares until the numbers fit, and shows the guest that one, although it has committed to another.</summary>
internal sealed class OpensOtherwise(string code, Dice dice) : Adversary(code, dice)
{
    private ForgedSide? _better;

    protected override string HostReveal()
    {
        // A few tries per session tell as much as a thousand: what is shown is not what was committed to.
        for (var i = 0; _better is null && i < 4; i++)
        {
            var other = new ForgedSide(PairRole.Host, Code, Dice);
            other.Learn(Got(PairRole.Guest, 0)!);
            if (AsGuest.Keys is { } keys && (other.Keys!.SasHost == keys.SasHost || i == 3))
            {
                _better = other;
            }
        }

        return (_better ?? AsHost).Second();
    }
}

/// <summary>Shows the guest everything but the commitment, to get its share first, and only then commits.</summary>
internal sealed class WithholdsCommitment(string code, Dice dice) : Adversary(code, dice)
{
    private int _reads;

    /// <summary>True once a guest has sent its share to somebody who had not committed.</summary>
    public bool GotShareEarly { get; private set; }

    protected override void OnPut(PairRole from, int phase, string body)
    {
        GotShareEarly |= from == PairRole.Guest && _reads < 8;
        base.OnPut(from, phase, body);
    }

    protected override V2View View(PairRole to, int after)
    {
        if (to == PairRole.Host || ++_reads >= 8)
        {
            return base.View(to, after);
        }

        return (_reads % 4) switch
        {
            0 => new V2View(null, V2State.Open, null, null, false, [0], []),
            1 => new V2View(null, V2State.Decided, null, SimClock.Start + TimeSpan.FromHours(24), true, [], []),
            2 => V2View.Refused(V2Refusal.NoRendezvous),
            _ => new V2View(null, V2State.Open, null, null, false, [], []),
        };
    }
}

/// <summary>When it has the shares, it says that it knows of nothing, and serves other bytes in the place of its first ones.</summary>
internal sealed class ForgetsAndServesOther(string code, Dice dice) : Adversary(code, dice)
{
    private readonly ForgedSide _otherHost = new(PairRole.Host, code, dice);
    private readonly ForgedSide _otherGuest = new(PairRole.Guest, code, dice);
    private int _denials;

    protected override V2View View(PairRole to, int after)
    {
        var first = to == PairRole.Guest ? Got(PairRole.Guest, 0) : Got(PairRole.Host, 1);
        if (first is null)
        {
            return base.View(to, after);
        }

        if (_denials++ < 3)
        {
            return V2View.Refused(V2Refusal.NoRendezvous);
        }

        var other = to == PairRole.Guest ? _otherHost : _otherGuest;
        other.Learn(first);
        return new V2View(null, V2State.Open, null, null, false, [0, 1], Dice.Below(2) == 0 ? [new V2Message(0, other.First()), new V2Message(1, other.Second())] : [new V2Message(1, other.Second())]);
    }
}

/// <summary>Serves what was sent in an earlier session of the same attacker with other people, and each side's own words back to it.</summary>
internal sealed class Replays(string code, Dice dice) : Adversary(code, dice)
{
    private static readonly Lazy<Recorder> Earlier = new(Recorder.Record);
    private readonly bool _reflects = dice.Below(2) == 0;

    protected override string? Serve(PairRole to, int phase)
    {
        var own = Got(to, phase);
        if (_reflects)
        {
            return own ?? base.Serve(to, phase);
        }

        var from = to == PairRole.Host ? PairRole.Guest : PairRole.Host;
        return phase > 0 && Earlier.Value.Got(from, phase) is { } body ? body : base.Serve(to, phase);
    }

    /// <summary>An honest relay that remembers.</summary>
    private sealed class Recorder(string code, Dice dice) : Adversary(code, dice)
    {
        public static Recorder Record()
        {
            const string code = "AAAAAAAAAAAA";
            var dice = new Dice(1);
            var recorder = new Recorder(code, dice);
            var (host, guest) = (new Victim(PairRole.Host, code, 0, recorder, dice), new Victim(PairRole.Guest, code, 1, recorder, dice));
            for (var i = 0; i < 4; i++)
            {
                host.Run();
                guest.Run();
            }

            host.Type(guest.Number!);
            guest.Type(host.Number!);
            host.Run();
            guest.Run();
            return recorder;
        }

        public new string? Got(PairRole from, int phase) => base.Got(from, phase);

        protected override string? Serve(PairRole to, int phase) => Got(to == PairRole.Host ? PairRole.Guest : PairRole.Host, phase);
    }
}

/// <summary>Two pairings at once: each host gets what the other pairing's guest says.</summary>
internal sealed class SwapsRendezvous(string code, Dice dice) : Adversary(code, dice)
{
    /// <summary>The other pairing.</summary>
    public SwapsRendezvous? Other { get; set; }

    protected override string? Serve(PairRole to, int phase) => Other?.Got(to == PairRole.Host ? PairRole.Guest : PairRole.Host, phase);
}

/// <summary>Comes back when the time is over.</summary>
internal sealed class AnswersAfterExpiry(string code, Dice dice) : Adversary(code, dice)
{
    public bool IsOver { get; set; }

    protected override V2View View(PairRole to, int after) => IsOver ? base.View(to, after) : base.View(to, after) with { Messages = [.. base.View(to, after).Messages.Where(static m => m.Phase == 0)] };
}

/// <summary>Is in one of the places before the one whom it belongs to.</summary>
internal sealed class ClaimsRoleFirst(string code, Dice dice) : Adversary(code, dice)
{
    private readonly PairRole _role = dice.Below(2) == 0 ? PairRole.Host : PairRole.Guest;

    protected override V2PutReply Answer(PairRole from, int phase) =>
        from == _role ? new V2PutReply(V2Refusal.RoleTaken, V2State.Open, null) : base.Answer(from, phase);

    protected override V2View View(PairRole to, int after) => to == _role ? V2View.Refused(V2Refusal.RoleTaken) : base.View(to, after) with { Crowded = true };
}

/// <summary>Presents the card of the one whom the victim expects: it is public, the key is not.</summary>
internal sealed class PresentsStrangersCard(string code, Dice dice) : Adversary(code, dice)
{
    private readonly int _how = dice.Below(3);

    protected override string HostReveal() => Present(AsHost, 0);

    protected override string GuestReveal() => Present(AsGuest, 1);

    private string Present(ForgedSide side, int stranger)
    {
        var card = Identities.CardOf(stranger);
        return _how switch
        {
            // Without its key, so with a proof by the attacker's.
            0 => side.Second(card),

            // Committed to the stranger's key, as far as that goes.
            1 => WithCommitment(side.Role, stranger),

            // The proof that the stranger has made in the other session.
            _ => side.Second(card, StolenProof(side), ForgedSide.Bytes(Dice, 32)),
        };
    }

    private string WithCommitment(PairRole role, int stranger)
    {
        using var side = new ForgedSide(role, Code, Dice, stranger);
        if (Got(role == PairRole.Host ? PairRole.Guest : PairRole.Host, role == PairRole.Host ? 0 : 1) is { } body)
        {
            side.Learn(body);
        }

        return side.Second(Identities.CardOf(stranger), new byte[64]);
    }

    private byte[] StolenProof(ForgedSide side)
    {
        // What the real one has sealed for the attacker, opened with the key of that session.
        var (keys, from, members) = side.Role == PairRole.Host
            ? (AsGuest.Keys, PairRole.Host, (string[])["share", "id_commit", "nonce", "confirm", "sealed"])
            : (AsHost.Keys, PairRole.Guest, ["confirm", "sealed"]);
        using var stretched = QuickStretcher.Instance.Stretch(Code);
        return keys is not null && Got(from, 1) is { } body
            && PairingV2.Open(from == PairRole.Host ? keys.KeyHost.Span : keys.KeyGuest.Span, stretched.Lookup, from, 1, Read(body, members)[^1]) is { } plaintext
            ? V2Messages.ReadCard(plaintext).Proof : new byte[64];
    }
}

/// <summary>Sends shares that would make the key one that is known without any arithmetic.</summary>
internal sealed class SendsBadShares(string code, Dice dice) : Adversary(code, dice)
{
    private readonly byte[] _share = dice.Below(3) switch
    {
        0 => new byte[32],
        1 => [1, .. new byte[31]],
        _ => [.. Enumerable.Repeat((byte)0xFF, 31), 0x7F],
    };

    protected override string? Serve(PairRole to, int phase)
    {
        using var stretched = QuickStretcher.Instance.Stretch(Code);
        return (to, phase) switch
        {
            (PairRole.Host, 0) => V2Messages.Share(_share, AsGuest.IdCommit),
            (PairRole.Guest, 0) => V2Messages.Commit(PairingV2.Commit(stretched.Lookup, _share, AsHost.IdCommit, AsHost.Nonce)),
            (PairRole.Guest, 1) when AsHost.Keys is not null => V2Messages.HostReveal(_share, AsHost.IdCommit, AsHost.Nonce, ForgedSide.Bytes(Dice, 32), new byte[64]),
            _ => base.Serve(to, phase),
        };
    }
}
