using System.Text;
using FsCheck;
using FsCheck.Fluent;
using WirePS.Cryptography;
using WirePS.Identity;

namespace WirePS.Tests.Cryptography;

/// <summary>Runs a property over values that a generator makes.</summary>
internal static class Properties
{
    private const int DefaultTests = 200;

    public static Gen<byte[]> Bytes { get; } = Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf();

    public static Gen<byte[]> Seeds { get; } = Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf(32);

    public static Gen<string> Codes { get; } = Seeds.Select(seed => CodePhrase.Generate(new SeededRandomSource(BitConverter.ToInt32(seed))));

    /// <summary>Canonical codes of protocol v2.</summary>
    public static Gen<string> PairingCodes { get; } = Seeds.Select(seed => PairingCode.Generate(new SeededRandomSource(BitConverter.ToInt32(seed))));

    /// <summary>Well-formed text with what is awkward: controls, quotes, the edges of the planes.</summary>
    public static Gen<string> Texts { get; } = Gen.OneOf(
            Gen.Choose(0, 0x7F).Select(value => new Rune(value)),
            Gen.Elements(0x80, 0x7FF, 0x2028, 0xD7FF, 0xE000, 0xFF5E, 0xFFFF, 0x10000, 0x1F980, 0x10FFFF).Select(value => new Rune(value)))
        .ArrayOf()
        .Select(runes => string.Concat(runes));

    public static Gen<WireJson> Json { get; } = Gen.Sized(size => JsonOf(Math.Min(size, 12)));

    /// <summary>Mutated JSON texts: mostly near misses, which find more than noise does.</summary>
    public static Gen<byte[]> NearlyJson { get; } =
        from json in Json
        from place in Gen.Choose(0, 10_000)
        from value in Gen.Choose(0, 255)
        select Mutate(json.ToCompactBytes(), place, (byte)value);

    public static void Hold<T>(Gen<T> values, Func<T, bool> property, int tests = DefaultTests)
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(tests), Prop.ForAll(values.ToArbitrary(), property));

    private static Gen<WireJson> JsonOf(int size)
    {
        var scalars = Gen.OneOf(
            Gen.Elements(WireJson.Null, WireJson.True, WireJson.False),
            Texts.Select(WireJson.From),
            Gen.Elements(0L, 1L, -1L, long.MinValue, long.MaxValue).Select(WireJson.From),
            Gen.Elements(ulong.MaxValue, 1UL << 63).Select(WireJson.From),
            Gen.Choose(int.MinValue, int.MaxValue).Select(value => WireJson.From((long)value)),
            Gen.Choose(-1_000_000, 1_000_000).Select(value => WireJson.From(value / 1000.0)));
        if (size <= 1)
        {
            return scalars;
        }

        var inner = JsonOf(size / 2);
        return Gen.OneOf(
            scalars,
            inner.ListOf().Select(items => WireJson.ArrayOf(items.Take(size))),
            Gen.Zip(Texts, inner).ListOf().Select(members =>
            {
                var value = WireJson.EmptyObject;
                foreach (var (name, member) in members.Take(size))
                {
                    value = value.With(name, member);
                }

                return value;
            }));
    }

    private static byte[] Mutate(byte[] bytes, int place, byte value)
    {
        if (bytes.Length > 0)
        {
            bytes[place % bytes.Length] = value;
        }

        return bytes;
    }
}
