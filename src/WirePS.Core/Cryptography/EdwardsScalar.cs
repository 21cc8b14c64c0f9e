using System.Security.Cryptography;

namespace WirePS.Cryptography;

/// <summary>Numbers modulo the order of the group: 32 bytes, little-endian.</summary>
internal static class EdwardsScalar
{
    /// <summary>Bytes of a scalar.</summary>
    internal const int Length = Sodium.KeyBytes;

    private static ReadOnlySpan<byte> Zero => new byte[Length];

    /// <summary>64 little-endian bytes modulo the group order; so many that no result is likelier than another.</summary>
    internal static SecretBytes Reduce(ReadOnlySpan<byte> wide)
    {
        var scalar = new SecretBytes(Length);
        Sodium.ReduceScalar(scalar.Span, wide);
        return scalar;
    }

    /// <summary>True for zero, found in constant time.</summary>
    internal static bool IsZero(ReadOnlySpan<byte> scalar) => CryptographicOperations.FixedTimeEquals(scalar, Zero);

    /// <summary>Refuses everything but a number from 1 to the group order less one. libsodium must be ready.</summary>
    /// <exception cref="ArgumentException">It is not such a number.</exception>
    internal static void Require(ReadOnlySpan<byte> scalar, string name)
    {
        if (scalar.Length != Length)
        {
            throw new ArgumentException($"A scalar has {Length} bytes.", name);
        }

        // Reducing changes nothing exactly when the number is below the group order.
        using var wide = new SecretBytes(Sodium.WideScalarBytes);
        scalar.CopyTo(wide.Span);
        using var reduced = Reduce(wide.Span);
        if (!reduced.FixedTimeEquals(scalar))
        {
            throw new ArgumentException("The scalar is not below the group order.", name);
        }

        if (IsZero(scalar))
        {
            throw new ArgumentException("The scalar is zero.", name);
        }
    }
}
