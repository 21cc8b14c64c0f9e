using System.Security.Cryptography;
using WirePS.Cryptography;
using WirePS.Pairing;

namespace WirePS.Simulation.World;

/// <summary>Group arithmetic for nothing: it has the shape of the real one, and both sides come to the same keys by the real key schedule.</summary>
internal sealed class DoubleGroup : IPairingGroup
{
    private DoubleGroup()
    {
    }

    public static DoubleGroup Instance { get; } = new();

    public byte[] Share(PairRole role, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w) => SHA256.HashData([(byte)role, .. scalar, .. w]);

    public PairingV2Keys Derive(
        PairRole own, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w, ReadOnlySpan<byte> ownShare, ReadOnlySpan<byte> peerShare,
        ReadOnlySpan<byte> ownIdCommit, ReadOnlySpan<byte> peerIdCommit)
    {
        if (peerShare.Length != 32 || peerIdCommit.Length != 32)
        {
            throw new WireException(WireReason.ProtocolError);
        }

        if (peerShare[0] == 0 && !peerShare.ContainsAnyExcept((byte)0))
        {
            throw new WireException(WireReason.InvalidShare);
        }

        var shared = own == PairRole.Host ? SHA256.HashData([.. ownShare, .. peerShare, .. w]) : SHA256.HashData([.. peerShare, .. ownShare, .. w]);
        return PairingV2KeySchedule.Derive(own, shared, w, ownShare, peerShare, ownIdCommit, peerIdCommit);
    }
}
