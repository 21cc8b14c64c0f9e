using WirePS.Cryptography;
using WirePS.Identity;
using WirePS.Pairing;
using WirePS.Pairing.V2;
using WirePS.Relay;

namespace WirePS.Tests.Support;

/// <summary>One side of a v2 pairing without files: the real machine, driven as far as a relay lets it come.</summary>
internal sealed class V2Driver(V2Protocol machine, AgentCard card, ReadOnlyMemory<byte> seed, IV2PairRoutes relay, PendingPair pair)
{
    public const string RelayId = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    public const string Slot = "5105105105105105105105105105105a";

    public V2Protocol Machine => machine;

    public AgentCard Card => card;

    public DateTimeOffset Now { get; set; } = pair.CreatedAt;

    public PendingPair Pair { get; private set; } = pair;

    /// <summary>Every state that it went through.</summary>
    public List<PendingPair> Past { get; } = [pair];

    /// <summary>The key that it has pinned; null while it has none.</summary>
    public byte[]? Pinned { get; private set; }

    /// <summary>The number that it has shown; null while there is none.</summary>
    public string? Number { get; private set; }

    /// <summary>Which data the relay says that it has, where it does not know the rendezvous.</summary>
    public string InfoId { get; set; } = RelayId;

    public OwnIdentity Own => new(card, SecretBytes.CopyOf(seed.Span));

    public V2PairSide Side => new(Pair.CodeHash, Pair.Role, Pair.SideToken ?? "");

    public PairEffect Next => machine.Next(Pair, Now);

    /// <summary>As far as it comes, or until a state that is looked for.</summary>
    public void Run(Func<PendingPair, bool>? until = null)
    {
        for (var i = 0; i < 60 && until?.Invoke(Pair) != true; i++)
        {
            var before = Pair;
            if (Do(Next) is not { } input)
            {
                return;
            }

            Step(input);
            if (Pair == before)
            {
                return;
            }
        }
    }

    public PendingPair Step(PairInput input)
    {
        var next = machine.Step(Pair, input, Now);
        if (next != Pair)
        {
            Past.Add(next);
        }

        Pair = next;
        Number ??= Pair.Sas;
        return Pair;
    }

    public PendingPair Type(string digits) => Step(new PairInput.Confirmed(digits, card, new byte[32]));

    private PairInput? Do(PairEffect effect)
    {
        switch (effect)
        {
            case V2Work.Put put:
                return new V2Input.Put(put.Phase, relay.PutAsync(Side, put.Phase, Pair.Messages.Sent[V2Work.NameOf(put.Phase)], Pair.ExpiresAt - Now, CancellationToken.None).Result);
            case V2Work.Await:
                var known = new V2Known(Pair.IsEnded ? 2 : V2Protocol.Contiguous(Pair.Messages.Received), Math.Max(-1, Pair.Posted), Pair.Crowded);
                var view = relay.ReadAsync(Side, known, TimeSpan.Zero, CancellationToken.None).Result;
                return new V2Input.Seen(view, view.Refusal is null ? null : InfoId, Own);
            case PairWork.UseMailbox:
                return new PairInput.MailboxReady(Slot, null, RelayId);
            case V2Work.Pin:
                Pinned = V2Protocol.PeerCard(Pair).PublicKey;
                return new PairInput.Pinned();
            case V2Work.Finish:
                _ = relay.LeaveAsync(Side, "done", CancellationToken.None).Result;
                return new PairInput.Left(PairLeaving.Finish);
            case PairWork.ReleaseName:
                return new PairInput.Left(PairLeaving.ReleaseName);
            case PairWork.RevokeGrant:
                return new PairInput.Left(PairLeaving.RevokeGrant);
            case PairWork.RemovePeer:
                Pinned = null;
                return new PairInput.Left(PairLeaving.RemovePeer);
            case PairEffect.Apply apply:
                return apply.Input;
            default:
                return null;
        }
    }
}
