using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using WirePS.Pairing;

namespace WirePS.Cryptography;

/// <summary>What the two sides of an exchange share (pairing-v2.md §3). The digits are secrets too, each until it is read out.</summary>
public sealed class PairingV2Keys : IDisposable
{
    /// <summary>k_h: the key, 32 bytes, that seals what the host sends.</summary>
    public required SecretBytes KeyHost { get; init; }

    /// <summary>k_g: the key, 32 bytes, that seals what the guest sends.</summary>
    public required SecretBytes KeyGuest { get; init; }

    /// <summary>p: 32 bytes of what each side signs, see <see cref="PairingV2.ProofText"/>.</summary>
    public required SecretBytes ProofSecret { get; init; }

    /// <summary>cA: 32 bytes by which the host shows that it knows the code. Compare in constant time.</summary>
    public required byte[] ConfirmHost { get; init; }

    /// <summary>cB: 32 bytes by which the guest shows that it knows the code. Compare in constant time.</summary>
    public required byte[] ConfirmGuest { get; init; }

    /// <summary>The host's number, six digits: shown there, typed at the guest's.</summary>
    public required string SasHost { get; init; }

    /// <summary>The guest's number, six digits: shown there, typed at the host's.</summary>
    public required string SasGuest { get; init; }

    /// <summary>Erases the keys.</summary>
    public void Dispose()
    {
        KeyHost.Dispose();
        KeyGuest.Dispose();
        ProofSecret.Dispose();
    }

    /// <summary>The name of the type; never what it holds.</summary>
    public override string ToString() => nameof(PairingV2Keys);
}

/// <summary>From the shared point to the keys (pairing-v2.md §3; RFC 9382 §4, with le64 lengths).</summary>
public static class PairingV2KeySchedule
{
    private const int TranscriptValues = 6;
    private const int HalfBytes = 16;

    /// <summary>The keys of both sides.</summary>
    /// <param name="own">The own side: it says which share and commitment is whose.</param>
    /// <param name="sharedPoint">K, 32 bytes.</param>
    /// <param name="w">The password scalar, 32 bytes.</param>
    /// <param name="ownShare">32 bytes.</param>
    /// <param name="peerShare">32 bytes.</param>
    /// <param name="ownIdCommit">32 bytes.</param>
    /// <param name="peerIdCommit">32 bytes.</param>
    /// <exception cref="ArgumentException">A value has not 32 bytes.</exception>
    public static PairingV2Keys Derive(
        PairRole own, ReadOnlySpan<byte> sharedPoint, ReadOnlySpan<byte> w, ReadOnlySpan<byte> ownShare, ReadOnlySpan<byte> peerShare,
        ReadOnlySpan<byte> ownIdCommit, ReadOnlySpan<byte> peerIdCommit)
    {
        using var transcript = PairingV2.IsHost(own)
            ? Transcript(ownIdCommit, peerIdCommit, ownShare, peerShare, sharedPoint, w)
            : Transcript(peerIdCommit, ownIdCommit, peerShare, ownShare, sharedPoint, w);
        using var digest = new SecretBytes(SHA256.HashSizeInBytes);
        SHA256.HashData(transcript.Span, digest.Span);
        var encryption = digest.Span[..HalfBytes];
        using var confirmation = new SecretBytes(2 * HalfBytes);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, digest.Span[HalfBytes..], confirmation.Span, [], "ConfirmationKeysWirePS/v2"u8);
        return new PairingV2Keys
        {
            KeyHost = Expand(encryption, digest.Span, "WirePS/v2 key host"u8, PairingV2.KeyBytes),
            KeyGuest = Expand(encryption, digest.Span, "WirePS/v2 key guest"u8, PairingV2.KeyBytes),
            ProofSecret = Expand(encryption, digest.Span, "WirePS/v2 proof"u8, PairingV2.ValueBytes),
            ConfirmHost = HMACSHA256.HashData(confirmation.Span[..HalfBytes], transcript.Span),
            ConfirmGuest = HMACSHA256.HashData(confirmation.Span[HalfBytes..], transcript.Span),
            SasHost = Digits(encryption, digest.Span, "WirePS/v2 sas host"u8),
            SasGuest = Digits(encryption, digest.Span, "WirePS/v2 sas guest"u8),
        };
    }

    /// <summary>TT: each value after its length, the host's before the guest's.</summary>
    internal static SecretBytes Transcript(
        ReadOnlySpan<byte> idCommitHost, ReadOnlySpan<byte> idCommitGuest, ReadOnlySpan<byte> shareHost, ReadOnlySpan<byte> shareGuest,
        ReadOnlySpan<byte> sharedPoint, ReadOnlySpan<byte> w)
    {
        var transcript = new SecretBytes(TranscriptValues * (sizeof(ulong) + PairingV2.ValueBytes));
        var rest = transcript.Span;
        Append(ref rest, idCommitHost, nameof(idCommitHost));
        Append(ref rest, idCommitGuest, nameof(idCommitGuest));
        Append(ref rest, shareHost, nameof(shareHost));
        Append(ref rest, shareGuest, nameof(shareGuest));
        Append(ref rest, sharedPoint, nameof(sharedPoint));
        Append(ref rest, w, nameof(w));
        return transcript;
    }

    private static void Append(ref Span<byte> rest, ReadOnlySpan<byte> value, string name)
    {
        if (value.Length != PairingV2.ValueBytes)
        {
            throw new ArgumentException($"The value has {PairingV2.ValueBytes} bytes.", name);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(rest, (ulong)value.Length);
        value.CopyTo(rest[sizeof(ulong)..]);
        rest = rest[(sizeof(ulong) + value.Length)..];
    }

    private static SecretBytes Expand(ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> info, int length)
    {
        var output = new SecretBytes(length);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, output.Span, salt, info);
        return output;
    }

    private static string Digits(ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> info)
    {
        using var bytes = Expand(key, salt, info, sizeof(ulong));
        return (BinaryPrimitives.ReadUInt64BigEndian(bytes.Span) % 1_000_000).ToString("D6", CultureInfo.InvariantCulture);
    }
}
