using System.Numerics;
using System.Security.Cryptography;

namespace WirePS.Tests.Cryptography;

/// <summary>
/// edwards25519 as RFC 8032 §5.1 writes it down, in plain numbers: slow, not secret, and nothing of it is libsodium's.
/// </summary>
internal static class EdwardsReference
{
    public static readonly BigInteger Order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493", null);

    private static readonly BigInteger Prime = BigInteger.Pow(2, 255) - 19;
    private static readonly BigInteger D = Modulo(-121665 * Invert(121666));

    public static Point Identity { get; } = new(0, 1);

    public static Point Base { get; } = Decode(Convert.FromHexString("5866666666666666666666666666666666666666666666666666666666666666"))!.Value;

    public static BigInteger Number(ReadOnlySpan<byte> littleEndian) => new(littleEndian, isUnsigned: true);

    public static Point Add(Point left, Point right)
    {
        var cross = Modulo(D * left.X * right.X % Prime * left.Y % Prime * right.Y);
        return new(
            Modulo((left.X * right.Y + right.X * left.Y) * Invert(1 + cross)),
            Modulo((left.Y * right.Y + left.X * right.X) * Invert(1 - cross)));
    }

    public static Point Negate(Point point) => new(Modulo(-point.X), point.Y);

    public static Point Multiply(BigInteger factor, Point point)
    {
        var product = Identity;
        for (; factor > 0; factor >>= 1)
        {
            product = factor.IsEven ? product : Add(product, point);
            point = Add(point, point);
        }

        return product;
    }

    public static byte[] Encode(Point point)
    {
        var bytes = new byte[32];
        point.Y.ToByteArray(isUnsigned: true).CopyTo(bytes, 0);
        bytes[31] |= point.X.IsEven ? (byte)0 : (byte)0x80;
        return bytes;
    }

    /// <summary>Null where the bytes are not the canonical encoding of a point.</summary>
    public static Point? Decode(ReadOnlySpan<byte> bytes)
    {
        var number = Number(bytes);
        var odd = number >> 255 == 1;
        var y = number & (BigInteger.Pow(2, 255) - 1);
        if (y >= Prime)
        {
            return null;
        }

        var square = Modulo((y * y - 1) * Invert(D * y * y + 1));
        var x = BigInteger.ModPow(square, (Prime + 3) / 8, Prime);
        if (Modulo(x * x - square) != 0)
        {
            x = Modulo(x * BigInteger.ModPow(2, (Prime - 1) / 4, Prime));
        }

        return Modulo(x * x - square) != 0 || (x.IsZero && odd) ? null : new Point(x.IsEven == odd ? Prime - x : x, y);
    }

    /// <summary>The way to M and N of RFC 9382, appendix B: hash the seed again and again until it is a point of prime order.</summary>
    public static byte[] PointOfSeed(ReadOnlySpan<byte> seed)
    {
        var hash = SHA256.HashData(seed);
        while (Decode(hash) is not { } point || Multiply(Order, point) != Identity)
        {
            hash = SHA256.HashData(hash);
        }

        return hash;
    }

    private static BigInteger Invert(BigInteger number) => BigInteger.ModPow(Modulo(number), Prime - 2, Prime);

    private static BigInteger Modulo(BigInteger number)
    {
        var rest = number % Prime;
        return rest.Sign < 0 ? rest + Prime : rest;
    }

    public readonly record struct Point(BigInteger X, BigInteger Y);
}
