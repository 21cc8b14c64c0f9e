using WirePS.Pairing;

namespace WirePS.Cryptography;

/// <summary>
/// The group arithmetic of protocol v2 (pairing-v2.md §3); injected, so that a simulation can run most of its schedules
/// over a cheap double. A double gets its keys from <see cref="PairingV2KeySchedule.Derive"/> as the real one does.
/// </summary>
public interface IPairingGroup
{
    /// <summary>The share of a side: pA of the host, pB of the guest.</summary>
    /// <param name="role">The side.</param>
    /// <param name="scalar">Its secret scalar.</param>
    /// <param name="w">The password scalar.</param>
    /// <returns>32 bytes.</returns>
    byte[] Share(PairRole role, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w);

    /// <summary>Everything that follows once the peer's share is there.</summary>
    /// <param name="own">The own side.</param>
    /// <param name="scalar">The own secret scalar.</param>
    /// <param name="w">The password scalar.</param>
    /// <param name="ownShare">What <see cref="Share"/> gave for them.</param>
    /// <param name="peerShare">The peer's share, as received.</param>
    /// <param name="ownIdCommit">The own commitment to the identity key.</param>
    /// <param name="peerIdCommit">The peer's, as received.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.ProtocolError"/> for a received value that has not 32 bytes, <see cref="WireReason.InvalidShare"/>
    /// for a share that no honest side sends.
    /// </exception>
    PairingV2Keys Derive(
        PairRole own, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w, ReadOnlySpan<byte> ownShare, ReadOnlySpan<byte> peerShare,
        ReadOnlySpan<byte> ownIdCommit, ReadOnlySpan<byte> peerIdCommit);
}

/// <summary>SPAKE2 over edwards25519 with the constants of RFC 9382: the host is its A, the guest its B.</summary>
public sealed class Edwards25519PairingGroup : IPairingGroup
{
    private Edwards25519PairingGroup()
    {
    }

    /// <summary>The one instance; it holds no state.</summary>
    public static Edwards25519PairingGroup Instance { get; } = new();

    private static ReadOnlySpan<byte> M =>
    [
        0xd0, 0x48, 0x03, 0x2c, 0x6e, 0xa0, 0xb6, 0xd6, 0x97, 0xdd, 0xc2, 0xe8, 0x6b, 0xda, 0x85, 0xa3,
        0x3a, 0xda, 0xc9, 0x20, 0xf1, 0xbf, 0x18, 0xe1, 0xb0, 0xc6, 0xd1, 0x66, 0xa5, 0xce, 0xcd, 0xaf,
    ];

    private static ReadOnlySpan<byte> N =>
    [
        0xd3, 0xbf, 0xb5, 0x18, 0xf4, 0x4f, 0x34, 0x30, 0xf2, 0x9d, 0x0c, 0x92, 0xaf, 0x50, 0x38, 0x65,
        0xa1, 0xed, 0x32, 0x81, 0xdc, 0x69, 0xb3, 0x5d, 0xd8, 0x68, 0xba, 0x85, 0xf8, 0x86, 0xc4, 0xab,
    ];

    private static ReadOnlySpan<byte> Cofactor =>
    [
        8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A scalar is not from 1 to the group order less one.</exception>
    public byte[] Share(PairRole role, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w)
    {
        SodiumLibrary.EnsureReady();
        EdwardsScalar.Require(scalar, nameof(scalar));
        using var mask = Mask(role, w);
        using var point = new SecretBytes(Sodium.KeyBytes);
        var share = new byte[PairingV2.ValueBytes];

        // Neither can fail: the scalar is in range, and both summands are points of the group.
        _ = Sodium.MultiplyBase(point.Span, scalar);
        _ = Sodium.AddPoints(share, point.Span, mask.Span);
        return share;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A scalar is not from 1 to the group order less one, or an own value has not 32 bytes.</exception>
    public PairingV2Keys Derive(
        PairRole own, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w, ReadOnlySpan<byte> ownShare, ReadOnlySpan<byte> peerShare,
        ReadOnlySpan<byte> ownIdCommit, ReadOnlySpan<byte> peerIdCommit)
    {
        PairingV2.RequireReceived(peerIdCommit);
        using var shared = SharedPoint(own, scalar, w, peerShare);
        return PairingV2KeySchedule.Derive(own, shared.Span, w, ownShare, peerShare, ownIdCommit, peerIdCommit);
    }

    /// <summary>K, the point that both sides come to.</summary>
    internal static SecretBytes SharedPoint(PairRole own, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> w, ReadOnlySpan<byte> peerShare)
    {
        PairingV2.RequireReceived(peerShare);
        SodiumLibrary.EnsureReady();
        EdwardsScalar.Require(scalar, nameof(scalar));
        using var mask = Mask(PairingV2.IsHost(own) ? PairRole.Guest : PairRole.Host, w);
        if (Sodium.IsValidPoint(peerShare) != 1)
        {
            throw new WireException(WireReason.InvalidShare, "The other side's share is not a point of the prime-order group.");
        }

        // The unmasked point is of the prime-order group, so the cofactor may as well be multiplied into the scalar.
        using var factor = new SecretBytes(EdwardsScalar.Length);
        Sodium.MultiplyScalars(factor.Span, scalar, Cofactor);
        using var unmasked = new SecretBytes(Sodium.KeyBytes);
        var shared = new SecretBytes(Sodium.KeyBytes);
        if (Sodium.SubtractPoints(unmasked.Span, peerShare, mask.Span) != 0
            || Sodium.MultiplyPoint(shared.Span, factor.Span, unmasked.Span) != 0)
        {
            shared.Dispose();

            // The share is exactly the mask: the shared point would be the identity for everybody.
            throw new WireException(WireReason.InvalidShare, "The other side's share leaves nothing after unmasking.");
        }

        return shared;
    }

    /// <summary>w·M, which hides what the host sends, or w·N, which hides what the guest sends.</summary>
    internal static SecretBytes Mask(PairRole sender, ReadOnlySpan<byte> w)
    {
        SodiumLibrary.EnsureReady();
        EdwardsScalar.Require(w, nameof(w));
        var mask = new SecretBytes(Sodium.KeyBytes);

        // It cannot fail: the constants are of prime order and the scalar is in range.
        _ = Sodium.MultiplyPoint(mask.Span, w, PairingV2.IsHost(sender) ? M : N);
        return mask;
    }
}
