namespace WirePS.Cryptography;

/// <summary>True when the library takes the 32 bytes for a point that it may compute with.</summary>
internal delegate bool PointCheck(ReadOnlySpan<byte> point);

/// <summary>Public key and signature of a message, from a seed.</summary>
internal delegate (byte[] PublicKey, byte[] Signature) SignFunction(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> message);

/// <summary>True when the signature is good.</summary>
internal delegate bool VerifyFunction(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature);

/// <summary>ChaCha20-Poly1305 (IETF): ciphertext and tag.</summary>
internal delegate byte[] SealFunction(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associatedData, ReadOnlySpan<byte> plaintext);

/// <summary>The functions that the self-test examines; a test puts broken ones in.</summary>
internal sealed record SodiumFunctions(PointCheck IsValidPoint, SignFunction Sign, VerifyFunction Verify, SealFunction Seal)
{
    /// <summary>Those of the loaded library.</summary>
    internal static SodiumFunctions Native { get; } = new(
        static point => Sodium.IsValidPoint(point) == 1,
        static (seed, message) =>
        {
            var publicKey = new byte[Sodium.KeyBytes];
            var signature = new byte[Sodium.SignatureBytes];
            using var secretKey = new SecretBytes(Sodium.SecretKeyBytes);
            _ = Sodium.SignSeedKeyPair(publicKey, secretKey.Span, seed);
            _ = Sodium.SignDetached(signature, 0, message, (ulong)message.Length, secretKey.Span);
            return (publicKey, signature);
        },
        static (publicKey, message, signature) => Sodium.VerifyDetached(signature, message, (ulong)message.Length, publicKey) == 0,
        static (key, nonce, associatedData, plaintext) =>
        {
            var sealedBytes = new byte[plaintext.Length + Sodium.TagBytes];
            _ = Sodium.ChaCha20Poly1305Encrypt(
                sealedBytes, 0, plaintext, (ulong)plaintext.Length, associatedData, (ulong)associatedData.Length, 0, nonce, key);
            return sealedBytes;
        });
}

/// <summary>
/// What a libsodium must do before anything is built on it (pairing-v2.md §3). Builds before the end of 2025 may take
/// points outside the prime-order subgroup for good ones (CVE-2025-69277); a pairing over such a point leaks.
/// </summary>
internal static class SodiumSelfTest
{
    // 7·B, B the base point.
    private const string GoodPoint = "b862409fb5c4c4123df2abf7462b88f041ad36dd6864ce872fd5472be363c5b1";

    private static readonly (string Name, string Point)[] BadPoints =
    [
        ("7·B plus the point of order 2", "359dbf604a3b3bedc20d5408b9d4770fbe52c922979b3178d02ab8d41c9c3a4e"),
        ("7·B plus a point of order 4", "d7fcf1f00e29dd947529006e74d779973e3c1a1bad96b7807ab8644b5604ee50"),
        ("7·B plus the other point of order 4", "16030e0ff1d6226b8ad6ff918b288668c1c3e5e45269487f85479bb4a9fb11af"),
        ("7·B plus a point of order 8", "e9b2fe981587efae6478f48ba1fa60cec6126d0e26dde72a0a24f640dcd783e5"),
        ("7·B plus a second point of order 8", "16b981d0b88cdf3ab9fa87190822fe4905b475efda3aec7c34abfa92c19320f4"),
        ("7·B plus a third point of order 8", "044d0167ea7810519b870b745e059f3139ed92f1d92218d5f5db09bf23287c1a"),
        ("7·B plus a fourth point of order 8", "d7467e2f477320c5460578e6f7dd01b6fa4b8a1025c51383cb54056d3e6cdf0b"),
        ("the point of order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("a point of order 4", "0000000000000000000000000000000000000000000000000000000000000080"),
        ("a point of order 8", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        ("the identity", "0100000000000000000000000000000000000000000000000000000000000000"),
        ("the identity with the sign bit", "0100000000000000000000000000000000000000000000000000000000000080"),
        ("y = p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("y = p + 1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("y = p + 3", "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("y = p + 4 with the sign bit", "f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        ("y = p + 9", "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("y = 2^255 - 1", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("a y that is on no point", "0200000000000000000000000000000000000000000000000000000000000000"),
    ];

    /// <summary>Examines the functions.</summary>
    /// <exception cref="WireException"><see cref="WireReason.SodiumSelfTestFailed"/>, the message names the check.</exception>
    internal static void Run(SodiumFunctions functions)
    {
        Expect(functions.IsValidPoint(Convert.FromHexString(GoodPoint)), "it refuses a good curve point");
        foreach (var (name, point) in BadPoints)
        {
            Expect(!functions.IsValidPoint(Convert.FromHexString(point)), $"its point check accepts {name}");
        }

        CheckSignature(functions);
        CheckSeal(functions);
    }

    // RFC 8032 §7.1, test 2.
    private static void CheckSignature(SodiumFunctions functions)
    {
        var seed = Convert.FromHexString("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        var expectedKey = Convert.FromHexString("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        var expectedSignature = Convert.FromHexString(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
        byte[] message = [0x72];

        var (publicKey, signature) = functions.Sign(seed, message);
        Expect(publicKey.AsSpan().SequenceEqual(expectedKey), "its Ed25519 public key is wrong");
        Expect(signature.AsSpan().SequenceEqual(expectedSignature), "its Ed25519 signature is wrong");
        Expect(functions.Verify(expectedKey, message, expectedSignature), "it refuses a good Ed25519 signature");
        Expect(!functions.Verify(expectedKey, [0x73], expectedSignature), "it accepts a bad Ed25519 signature");
    }

    // RFC 8439 §2.8.2.
    private static void CheckSeal(SodiumFunctions functions)
    {
        var key = Convert.FromHexString("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
        var nonce = Convert.FromHexString("070000004041424344454647");
        var associatedData = Convert.FromHexString("50515253c0c1c2c3c4c5c6c7");
        var plaintext = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."u8;
        var expected = Convert.FromHexString(
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b"
            + "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
            + "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691");

        Expect(functions.Seal(key, nonce, associatedData, plaintext).AsSpan().SequenceEqual(expected), "its ChaCha20-Poly1305 is wrong");
    }

    private static void Expect(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new WireException(WireReason.SodiumSelfTestFailed, $"The libsodium of this machine failed the self-test: {otherwise}.");
        }
    }
}
