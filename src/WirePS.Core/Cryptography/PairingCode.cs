using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace WirePS.Cryptography;

/// <summary>A code that a person typed.</summary>
/// <param name="Protocol">The protocol that its shape says: 1 or 2.</param>
/// <param name="Canonical">Its canonical form: <c>NN-XXXXXX</c>, or twelve symbols without dashes.</param>
public readonly record struct TypedCode(int Protocol, string Canonical)
{
    /// <summary>The protocol; never the code.</summary>
    public override string ToString() => $"{nameof(TypedCode)} of protocol v{Protocol}";
}

/// <summary>
/// The code of protocol v2 (pairing-v2.md §1): eleven random base32 symbols, 55 bits, and a check symbol that catches
/// every single wrong one. The twelve symbols without dashes are the canonical form; they are a secret until the pairing
/// is over. <see cref="Parse"/> reads the typed codes of both protocols.
/// </summary>
public static class PairingCode
{
    /// <summary>Symbols of a code, and characters of its canonical form.</summary>
    public const int SymbolCount = 12;

    private const int GroupLength = 4;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    private static readonly SearchValues<char> Symbols = SearchValues.Create(Alphabet);

    /// <summary>A fresh code, each of the 2^55 equally likely.</summary>
    /// <param name="random">Where chance comes from.</param>
    /// <returns>The canonical form.</returns>
    public static string Generate(IRandomSource random)
    {
        ArgumentNullException.ThrowIfNull(random);
        using var bytes = SecretBytes.Random(SymbolCount - 1, random);
        Span<char> symbols = stackalloc char[SymbolCount];
        for (var i = 0; i < bytes.Length; i++)
        {
            // 256 is a multiple of 32: no symbol is likelier than another.
            symbols[i] = Alphabet[bytes.Span[i] % Alphabet.Length];
        }

        symbols[^1] = Alphabet[CheckValue(symbols[..^1])];
        return symbols.ToString();
    }

    /// <summary>The form that people read: <c>XXXX-XXXX-XXXX</c>.</summary>
    /// <param name="canonical">The canonical form.</param>
    /// <exception cref="ArgumentException">There are not twelve characters.</exception>
    public static string Display(string canonical)
    {
        ArgumentNullException.ThrowIfNull(canonical);
        if (canonical.Length != SymbolCount)
        {
            throw new ArgumentException($"A code has {SymbolCount} symbols.", nameof(canonical));
        }

        var symbols = canonical.AsSpan();
        return $"{symbols[..GroupLength]}-{symbols[GroupLength..^GroupLength]}-{symbols[^GroupLength..]}";
    }

    /// <summary>
    /// Reads what a person typed, of either protocol: white space and dashes (<c>-</c>, U+2010-U+2015) are dropped and
    /// a-z is folded to upper case. Eight symbols are a code of v1, in which nothing else is guessed; twelve one of v2,
    /// in which 0 stands for O and 8 for B. Eight symbols of v2 that do not begin with two digits are the beginning of such a one.
    /// </summary>
    /// <param name="typed">What was typed.</param>
    /// <exception cref="WireException">
    /// <see cref="WireReason.InvalidLength"/> for another number of symbols; <see cref="WireReason.InvalidSymbol"/>, which
    /// names the one symbol and its place; <see cref="WireReason.MistypedCode"/> when the check symbol does not fit.
    /// None repeats the code.
    /// </exception>
    public static TypedCode Parse(string typed)
    {
        ArgumentNullException.ThrowIfNull(typed);
        Span<Rune> symbols = stackalloc Rune[SymbolCount];
        var count = 0;
        foreach (var rune in typed.EnumerateRunes())
        {
            if (CodePhrase.IsSeparator(rune))
            {
                continue;
            }

            if (count < SymbolCount)
            {
                symbols[count] = rune.Value is >= 'a' and <= 'z' ? new Rune(rune.Value - 'a' + 'A') : rune;
            }

            count++;
        }

        return count switch
        {
            CodePhrase.SymbolCount when !IsBeginning(symbols) => new TypedCode(1, CodePhrase.FromSymbols(symbols[..count])),
            SymbolCount => new TypedCode(2, FromSymbols(symbols)),
            _ => throw new WireException(
                WireReason.InvalidLength,
                $"A code has {SymbolCount} symbols; {count} were given. Only one of protocol v1 has {CodePhrase.SymbolCount}, and begins with two digits."),
        };
    }

    /// <summary>True for twelve symbols of the alphabet whose last one is the check symbol of the others.</summary>
    internal static bool IsCanonical(string text)
        => text.Length == SymbolCount
            && !text.AsSpan().ContainsAnyExcept(Symbols)
            && Alphabet[CheckValue(text.AsSpan(0, SymbolCount - 1))] == text[^1];

    /// <summary>The refusal of one symbol: it says which and where, and nothing else of the code.</summary>
    internal static WireException InvalidSymbol(Rune symbol, int index, string allowed)
    {
        var shown = symbol.Value is > 0x20 and < 0x7F ? $"'{symbol}'" : "U+" + symbol.Value.ToString("X4", CultureInfo.InvariantCulture);
        return new WireException(WireReason.InvalidSymbol, $"Symbol {index + 1} of the code is {shown}; there, codes use {allowed}.");
    }

    private static string FromSymbols(ReadOnlySpan<Rune> symbols)
    {
        Span<char> code = stackalloc char[SymbolCount];
        for (var i = 0; i < SymbolCount; i++)
        {
            // What is not one character has no place in the alphabet either.
            var symbol = symbols[i].IsAscii ? (char)symbols[i].Value : '\0';
            code[i] = symbol switch
            {
                '0' => 'O',
                '8' => 'B',
                _ when Symbols.Contains(symbol) => symbol,
                _ => throw InvalidSymbol(symbols[i], i, "A-Z and 2-7"),
            };
        }

        return Alphabet[CheckValue(code[..^1])] == code[^1] ? code.ToString() : throw new WireException(WireReason.MistypedCode);
    }

    // True where what would be the digits of a code of v1 are other symbols of v2: the rest was not typed.
    private static bool IsBeginning(ReadOnlySpan<Rune> symbols) =>
        IsSymbol(symbols[0]) && IsSymbol(symbols[1]) && !(Rune.IsDigit(symbols[0]) && Rune.IsDigit(symbols[1]));

    private static bool IsSymbol(Rune symbol) => symbol.IsAscii && Symbols.Contains((char)symbol.Value);

    // Luhn mod 32 over symbols of the alphabet: the value that makes the sum divisible.
    private static int CheckValue(ReadOnlySpan<char> symbols)
    {
        var sum = 0;
        var factor = 2;
        for (var i = symbols.Length - 1; i >= 0; i--)
        {
            var product = Alphabet.IndexOf(symbols[i], StringComparison.Ordinal) * factor;
            sum += (product / Alphabet.Length) + (product % Alphabet.Length);
            factor = 3 - factor;
        }

        return (Alphabet.Length - (sum % Alphabet.Length)) % Alphabet.Length;
    }
}
