using System.Buffers;

namespace WirePS.Relay.Http;

/// <summary>Ids and tokens that clients make: lowercase hex digits of a fixed number.</summary>
internal static class HexText
{
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");

    public static bool Is(string text, int digits) => text.Length == digits && !text.AsSpan().ContainsAnyExcept(Digits);
}
