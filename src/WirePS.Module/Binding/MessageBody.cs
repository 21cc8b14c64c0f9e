using System.Collections;
using System.Collections.Specialized;
using System.Globalization;
using System.Management.Automation;
using System.Numerics;
using WirePS.Identity;

namespace WirePS.Module.Binding;

/// <summary>
/// Objects of PowerShell as bodies of messages, and back. Only what is data becomes JSON: of any other object a message
/// would carry whatever its properties happen to give, secrets among it.
/// </summary>
internal static class MessageBody
{
    private const int MaxDepth = 64;

    // Every double up to here that is an integer is exactly that integer.
    private const double LargestExact = 9007199254740992;

    /// <summary>The body of an object. <see cref="WireReason.InvalidMessage"/> where it is none.</summary>
    internal static WireJson Of(object? value) => Of(value, MaxDepth);

    /// <summary>
    /// The object of a body: text, long, double, bool, arrays, and custom objects. An object whose names PowerShell would
    /// take for one another becomes an ordered dictionary that tells them apart.
    /// </summary>
    internal static object? ToObject(WireJson? body) => body?.Kind switch
    {
        null or WireJsonKind.Null => null,
        WireJsonKind.String => body.AsString(),
        WireJsonKind.Boolean => body.AsBoolean(),
        WireJsonKind.Integer => (object?)body.AsInt64() ?? body.AsUInt64() ?? body.AsDouble(),
        WireJsonKind.Float => body.AsDouble(),
        WireJsonKind.Array => body.Items.Select(ToObject).ToArray(),
        _ => ObjectOf(body),
    };

    private static object ObjectOf(WireJson body)
    {
        var names = body.Members.Select(static m => m.Key).ToList();
        if (names.Any(string.IsNullOrEmpty) || names.Distinct(StringComparer.OrdinalIgnoreCase).Count() < names.Count)
        {
            var dictionary = new OrderedDictionary(StringComparer.Ordinal);
            foreach (var (name, value) in body.Members)
            {
                dictionary[name] = ToObject(value);
            }

            return dictionary;
        }

        var result = new PSObject();
        foreach (var (name, value) in body.Members)
        {
            result.Properties.Add(new PSNoteProperty(name, ToObject(value)), preValidated: true);
        }

        return result;
    }

    private static WireJson Of(object? value, int depth)
    {
        if (depth == 0)
        {
            throw Refused($"It is nested deeper than {MaxDepth} levels, or holds itself.");
        }

        var data = value is PSObject wrapped ? wrapped.BaseObject : value;
        return data switch
        {
            null => WireJson.Null,
            string text => Text(text),
            char one => Text(one.ToString()),
            bool truth => WireJson.From(truth),
            SwitchParameter given => WireJson.From(given.IsPresent),
            Enum name => Text(name.ToString()),
            byte or sbyte or short or ushort or int or uint or long => WireJson.From(Convert.ToInt64(data, CultureInfo.InvariantCulture)),
            ulong large => WireJson.From(large),
            BigInteger integer => Integer(integer),
            Half half => Integer((double)half),
            float or double => Integer(Convert.ToDouble(data, CultureInfo.InvariantCulture)),
            decimal number => Integer(number),
            DateTime or DateTimeOffset => Text(((IFormattable)data).ToString("o", CultureInfo.InvariantCulture)),
            TimeSpan or Guid or Version or Uri => Text(data.ToString()!),
            IDictionary dictionary => Members(dictionary.Cast<DictionaryEntry>().Select(static e => (NameOf(e.Key), e.Value)), depth),
            PSCustomObject when value is PSObject custom => Members(custom.Properties.Select(static p => (p.Name, (object?)p.Value)), depth),
            FileSystemInfo file => throw Refused($"It is the file '{file.Name}', not what stands in it: send 'Get-Content -Raw', or where the other side can fetch it."),
            IList list => WireJson.ArrayOf(list.Cast<object?>().Select(item => Of(item, depth - 1)).ToList()),
            _ => throw Refused($"An object of the type {data.GetType().FullName} is not data."),
        };
    }

    private static WireJson Members(IEnumerable<(string Name, object? Value)> members, int depth) =>
        WireJson.ObjectOf([.. members.Select(m => (m.Name, Of(m.Value, depth - 1)))]);

    private static string NameOf(object key) => (key is PSObject wrapped ? wrapped.BaseObject : key) switch
    {
        string name => name,
        IConvertible simple => simple.ToString(CultureInfo.InvariantCulture),
        var other => throw Refused($"A name of the type {other.GetType().FullName} is no text."),
    };

    private static WireJson Text(string text)
    {
        try
        {
            return WireJson.From(text);
        }
        catch (WireException error) when (error.Reason == WireReason.InvalidJson)
        {
            throw Refused("It has a text that is not Unicode.");
        }
    }

    private static WireJson Integer(BigInteger number) =>
        number >= long.MinValue && number <= long.MaxValue ? WireJson.From((long)number)
        : number >= 0 && number <= ulong.MaxValue ? WireJson.From((ulong)number)
        : throw Refused("It has an integer of more than 64 bits; send it as text.");

    // What PowerShell calculates is a double soon: 6 / 4 * 2. One that is an integer is sent as that.
    private static WireJson Integer(double number) =>
        double.IsInteger(number) && Math.Abs(number) <= LargestExact ? WireJson.From((long)number)
        : throw Fraction(number.ToString(CultureInfo.InvariantCulture));

    private static WireJson Integer(decimal number) =>
        decimal.IsInteger(number) ? Integer(new BigInteger(number)) : throw Fraction(number.ToString(CultureInfo.InvariantCulture));

    private static WireException Fraction(string number) =>
        Refused($"It has the number {number}, which is not an integer. Programs write such numbers in different ways, and the signature would not hold; send it as text.");

    private static WireException Refused(string why) => new(WireReason.InvalidMessage, "What is to be sent cannot be a message. " + why);
}
