using WirePS.Cryptography;
using WirePS.Pairing;

namespace WirePS.Simulation.Attacker;

/// <summary>The real arithmetic with numbers of three digits, so that what is one in a million happens once in a thousand.</summary>
internal sealed class ThreeDigits : IPairingGroup
{
    private ThreeDigits()
    {
    }

    public static ThreeDigits Instance { get; } = new();

    public byte[] Share(PairRole role, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w) => Edwards25519PairingGroup.Instance.Share(role, scalar, w);

    public PairingV2Keys Derive(
        PairRole own, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w, ReadOnlySpan<byte> ownShare, ReadOnlySpan<byte> peerShare,
        ReadOnlySpan<byte> ownIdCommit, ReadOnlySpan<byte> peerIdCommit)
    {
        var keys = Edwards25519PairingGroup.Instance.Derive(own, scalar, w, ownShare, peerShare, ownIdCommit, peerIdCommit);
        return new PairingV2Keys
        {
            KeyHost = keys.KeyHost,
            KeyGuest = keys.KeyGuest,
            ProofSecret = keys.ProofSecret,
            ConfirmHost = keys.ConfirmHost,
            ConfirmGuest = keys.ConfirmGuest,
            SasHost = Cut(keys.SasHost),
            SasGuest = Cut(keys.SasGuest),
        };
    }

    /// <summary>The last three digits.</summary>
    public static string Cut(string digits) => "000" + digits[3..];
}
