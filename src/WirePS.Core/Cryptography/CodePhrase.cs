using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace WirePS.Cryptography;

/// <summary>
/// The code of protocol v1 (wire.md §5.2): two decimal digits, a dash, six base32 symbols, <c>42-WIRE45</c>. The nine
/// characters are the canonical form; they are a secret until the pairing is over.
/// </summary>
public static class CodePhrase
{
    /// <summary>Characters of the canonical form.</summary>
    public const int CanonicalLength = 9;

    /// <summary>Symbols of a code without its dash.</summary>
    public const int SymbolCount = 8;

    private const int DigitCount = 2;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>A fresh code, each of the 107,374,182,400 equally likely.</summary>
    /// <param name="random">Where chance comes from.</param>
    public static string Generate(IRandomSource random)
    {
        ArgumentNullException.ThrowIfNull(random);
        Span<byte> bytes = stackalloc byte[1 + SymbolCount - DigitCount];
        do
        {
            // 200 is the largest multiple of 100 in a byte: what is above would make the low numbers likelier.
            random.Fill(bytes[..1]);
        }
        while (bytes[0] >= 200);
        random.Fill(bytes[1..]);

        Span<char> symbols = stackalloc char[SymbolCount];
        symbols[0] = (char)('0' + (bytes[0] % 100 / 10));
        symbols[1] = (char)('0' + (bytes[0] % 10));
        for (var i = DigitCount; i < SymbolCount; i++)
        {
            symbols[i] = Alphabet[bytes[i - 1] % Alphabet.Length];
        }

        CryptographicOperations.ZeroMemory(bytes);
        return Format(symbols);
    }

    /// <summary>The canonical code of eight typed symbols, in which <see cref="PairingCode.Parse"/> left nothing to fold.</summary>
    /// <param name="symbols">Eight symbols, a-z folded to upper case; 0 and 8 stay what they are.</param>
    /// <returns>The canonical nine characters.</returns>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidSymbol"/>, which names the one symbol and its place and nothing else of the code.
    /// </exception>
    internal static string FromSymbols(ReadOnlySpan<Rune> symbols)
    {
        Span<char> code = stackalloc char[SymbolCount];
        for (var i = 0; i < SymbolCount; i++)
        {
            if (!symbols[i].IsAscii || !IsSymbol(i, (char)symbols[i].Value))
            {
                throw PairingCode.InvalidSymbol(symbols[i], i, i < DigitCount ? "0-9" : "A-Z and 2-7");
            }

            code[i] = (char)symbols[i].Value;
        }

        return Format(code);
    }

    /// <summary>Reads as wire programs do (wire.md §5.2): white space at both ends is dropped, everything else must be exact.</summary>
    /// <param name="text">The text.</param>
    /// <param name="code">The canonical nine characters.</param>
    public static bool TryParseStrict(string? text, [NotNullWhen(true)] out string? code)
    {
        code = null;
        var trimmed = text.AsSpan().Trim();
        if (trimmed.Length != CanonicalLength || trimmed[DigitCount] != '-')
        {
            return false;
        }

        for (var i = 0; i < SymbolCount; i++)
        {
            if (!IsSymbol(i, trimmed[i < DigitCount ? i : i + 1]))
            {
                return false;
            }
        }

        code = trimmed.ToString();
        return true;
    }

    /// <summary>The rendezvous id of a code (wire.md §5.3): 64 lowercase hex digits. Anybody who sees it can find the code.</summary>
    /// <param name="canonical">The canonical code; other text is hashed as it is.</param>
    public static string Hash(string canonical)
    {
        ArgumentNullException.ThrowIfNull(canonical);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("wire/v1 code-phrase" + canonical)));
    }

    /// <summary>Puts the dash into eight symbols: <c>NN-XXXXXX</c>.</summary>
    /// <exception cref="ArgumentException">There are not eight symbols.</exception>
    public static string Format(ReadOnlySpan<char> symbols)
    {
        if (symbols.Length != SymbolCount)
        {
            throw new ArgumentException($"A code has {SymbolCount} symbols.", nameof(symbols));
        }

        return string.Concat(symbols[..DigitCount], "-", symbols[DigitCount..]);
    }

    /// <summary>White space, or one of the dashes that keyboards and editors put in.</summary>
    internal static bool IsSeparator(Rune rune) => Rune.IsWhiteSpace(rune) || rune.Value is '-' or (>= 0x2010 and <= 0x2015);

    private static bool IsSymbol(int place, char symbol)
        => place < DigitCount ? char.IsAsciiDigit(symbol) : char.IsAsciiLetterUpper(symbol) || symbol is >= '2' and <= '7';
}
