using System.Runtime.InteropServices;

namespace WirePS.Cryptography;

/// <summary>
/// The functions of libsodium that the engine uses, one to one. Sizes are those of the C headers; every caller
/// checks them, because the library does not. Zero means success, except where a comment says otherwise.
/// </summary>
internal static partial class Sodium
{
    /// <summary>The name that <see cref="SodiumLibrary"/> resolves.</summary>
    internal const string LibraryName = "libsodium";

    /// <summary>Bytes of an Ed25519 seed, public key, point, scalar and of an X25519 value.</summary>
    internal const int KeyBytes = 32;

    /// <summary>Bytes of an Ed25519 secret key as libsodium holds it: seed and public key.</summary>
    internal const int SecretKeyBytes = 64;

    /// <summary>Bytes of a signature.</summary>
    internal const int SignatureBytes = 64;

    /// <summary>Bytes of a number that is reduced to a scalar.</summary>
    internal const int WideScalarBytes = 64;

    /// <summary>Bytes of a ChaCha20 (IETF) nonce.</summary>
    internal const int NonceBytes = 12;

    /// <summary>Bytes of a Poly1305 tag.</summary>
    internal const int TagBytes = 16;

    /// <summary>Bytes of the salt of <see cref="StretchPassword"/>.</summary>
    internal const int StretchSaltBytes = 16;

    /// <summary>Argon2id, version 1.3, for <see cref="StretchPassword"/>.</summary>
    internal const int Argon2Id13 = 2;

    /// <summary>Prepares the library; 0 the first time, 1 when it was ready, negative on failure.</summary>
    [LibraryImport(LibraryName, EntryPoint = "sodium_init")]
    internal static partial int Init();

    [LibraryImport(LibraryName, EntryPoint = "crypto_sign_ed25519_seed_keypair")]
    internal static partial int SignSeedKeyPair(Span<byte> publicKey, Span<byte> secretKey, ReadOnlySpan<byte> seed);

    [LibraryImport(LibraryName, EntryPoint = "crypto_sign_ed25519_detached")]
    internal static partial int SignDetached(Span<byte> signature, nint signatureLength, ReadOnlySpan<byte> message, ulong messageLength, ReadOnlySpan<byte> secretKey);

    [LibraryImport(LibraryName, EntryPoint = "crypto_sign_ed25519_verify_detached")]
    internal static partial int VerifyDetached(ReadOnlySpan<byte> signature, ReadOnlySpan<byte> message, ulong messageLength, ReadOnlySpan<byte> publicKey);

    /// <summary>1 when the 32 bytes are a canonical point of the prime-order subgroup other than the identity.</summary>
    [LibraryImport(LibraryName, EntryPoint = "crypto_core_ed25519_is_valid_point")]
    internal static partial int IsValidPoint(ReadOnlySpan<byte> point);

    [LibraryImport(LibraryName, EntryPoint = "crypto_core_ed25519_add")]
    internal static partial int AddPoints(Span<byte> sum, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right);

    [LibraryImport(LibraryName, EntryPoint = "crypto_core_ed25519_sub")]
    internal static partial int SubtractPoints(Span<byte> difference, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right);

    /// <summary>Reduces 64 little-endian bytes modulo the group order.</summary>
    [LibraryImport(LibraryName, EntryPoint = "crypto_core_ed25519_scalar_reduce")]
    internal static partial void ReduceScalar(Span<byte> scalar, ReadOnlySpan<byte> wide);

    [LibraryImport(LibraryName, EntryPoint = "crypto_core_ed25519_scalar_mul")]
    internal static partial void MultiplyScalars(Span<byte> product, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right);

    /// <summary>Refuses a point outside the subgroup and a result that is the identity.</summary>
    [LibraryImport(LibraryName, EntryPoint = "crypto_scalarmult_ed25519_noclamp")]
    internal static partial int MultiplyPoint(Span<byte> product, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> point);

    /// <summary>Refuses the scalar zero.</summary>
    [LibraryImport(LibraryName, EntryPoint = "crypto_scalarmult_ed25519_base_noclamp")]
    internal static partial int MultiplyBase(Span<byte> product, ReadOnlySpan<byte> scalar);

    /// <summary>Always with one lane; fails only where the memory is not to be had.</summary>
    [LibraryImport(LibraryName, EntryPoint = "crypto_pwhash")]
    internal static partial int StretchPassword(
        Span<byte> output, ulong outputLength, ReadOnlySpan<byte> password, ulong passwordLength, ReadOnlySpan<byte> salt,
        ulong operations, nuint memory, int algorithm);

    [LibraryImport(LibraryName, EntryPoint = "crypto_scalarmult_curve25519_base")]
    internal static partial int X25519Base(Span<byte> publicKey, ReadOnlySpan<byte> scalar);

    /// <summary>Refuses a point of low order, whose product says nothing of the scalar.</summary>
    [LibraryImport(LibraryName, EntryPoint = "crypto_scalarmult_curve25519")]
    internal static partial int X25519Multiply(Span<byte> product, ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> point);

    [LibraryImport(LibraryName, EntryPoint = "crypto_stream_chacha20_ietf")]
    internal static partial int ChaCha20Stream(Span<byte> output, ulong length, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> key);

    /// <summary>The counter starts at 0; input and output may be the same bytes.</summary>
    [LibraryImport(LibraryName, EntryPoint = "crypto_stream_chacha20_ietf_xor")]
    internal static partial int ChaCha20Xor(Span<byte> output, ReadOnlySpan<byte> input, ulong length, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> key);

    [LibraryImport(LibraryName, EntryPoint = "crypto_aead_chacha20poly1305_ietf_encrypt")]
    internal static partial int ChaCha20Poly1305Encrypt(
        Span<byte> ciphertext, nint ciphertextLength, ReadOnlySpan<byte> message, ulong messageLength,
        ReadOnlySpan<byte> associatedData, ulong associatedDataLength, nint unusedSecretNonce, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> key);

    [LibraryImport(LibraryName, EntryPoint = "crypto_aead_chacha20poly1305_ietf_decrypt")]
    internal static partial int ChaCha20Poly1305Decrypt(
        Span<byte> message, nint messageLength, nint unusedSecretNonce, ReadOnlySpan<byte> ciphertext, ulong ciphertextLength,
        ReadOnlySpan<byte> associatedData, ulong associatedDataLength, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> key);
}
